"""AFLW in both versions and 300-W in the published formats, small."""

import numpy as np
from scipy.io import savemat

from tests.data_pipelines.pair_files import write_lines, write_picture

FIVE = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def five_points(count, width, height, seed=0):
    """`[count, 5, 2]`, (x, y) of eyes, nose and mouth, a little off their usual places."""
    jitter = np.random.default_rng(seed).normal(0, 0.02, (count, 5, 2))
    return (FIVE + jitter) * [width, height]


def write_aflw(root, counts, *, width=24, height=20):
    """Returns the points of `train` and `test`, counted from 0, (x, y)."""
    points = {part: five_points(n, width, height) for part, n in counts.items()}
    for part, count in counts.items():
        names = [f"image{index:05d}_{part}.jpg" for index in range(count)]
        for index, name in enumerate(names):
            write_picture(root / "output" / name, width, height, index, "JPEG")
        write_lines(root / f"aflw_{part}_images.txt", names)
        content = {"gt": points[part][..., ::-1], "hw": np.tile([height, width], (count, 1))}
        savemat(root / f"aflw_{part}_keypoints.mat", content)
    return points


def write_mtfl(root, counts, *, side=30):
    """Every other training picture is of net_7876; returns the points as stored, from 1."""
    points = {part: five_points(n, side, side, seed=1) for part, n in counts.items()}
    for part, count in counts.items():
        lines = []
        for index in range(count):
            folder = "AFLW" if part == "test" else ("lfw_5590", "net_7876")[index % 2]
            write_picture(root / folder / f"{part}_{index}.jpg", side, side, index, "JPEG")
            cells = [f"{value:.6f}" for value in points[part][index].T.ravel()]
            separator = "/" if part == "test" else "\\"
            lines.append(f" {folder}{separator}{part}_{index}.jpg {' '.join(cells)} 1 2 2 3")
        file = {"train": "training.txt", "test": "testing.txt"}[part]
        (root / file).write_text("\r\n".join(lines) + "\r\n")
    return points


def write_mtfl_crops(folder, count, *, side=30):
    """`facedata_cropped.csv` of `count` training faces and one that is not; points from 1."""
    points = five_points(count + 1, side, side, seed=2)
    lines = ["image_file,crop_file,set,face_id," + ",".join(f"x{p},y{p}" for p in range(5))]
    for index in range(count + 1):
        write_picture(folder / f"crops/{index}.jpg", side, side, index, "JPEG")
        cells = ",".join(f"{value:.4f}" for value in points[index].ravel())
        part = 1 if index < count else 2
        lines.append(f"image{index}.jpg,crops/{index}.jpg,{part},{index},{cells}")
    write_lines(folder / "facedata_cropped.csv", lines)
    return points[:count]


def write_w300(root, counts, *, width=40, height=30):
    """Returns the points of each folder as stored, counted from 1."""
    points = {}
    for seed, (part, count) in enumerate(counts.items()):
        drawn = np.random.default_rng(seed).uniform(0.25, 0.75, (count, 68, 2))
        points[part] = (drawn * [width, height]).round(4)
        for index in range(count):
            suffix = "png" if part.startswith("lfpw") else "jpg"
            file = root / part / f"image_{index} _1.{suffix}"
            write_picture(file, width, height, index, "PNG" if suffix == "png" else "JPEG")
            write_points(file.with_suffix(".pts"), points[part][index])
    return points


def write_points(file, points):
    rows = [f"{x:.6f} {y:.6f}" for x, y in points]
    write_lines(file, ["version: 1", f"n_points:  {len(points)}", "{", *rows, "}"])
