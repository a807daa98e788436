"""PF-WILLOW and PF-PASCAL in the published layouts, small, and tables of own pairs."""

import numpy as np
from PIL import Image
from scipy.io import savemat

from c3jax.files.frames import frame_picture, resize_picture
from data_pipelines.readers.pf_pascal import COUNTS
from tests.data_pipelines.conftest import encode, smooth_picture

SUB_CLASSES = (
    "car(G) car(M) car(S) duck(S) motorbike(G) motorbike(M) motorbike(S) "
    "winebottle(M) winebottle(wC) winebottle(woC)"
).split()
# Pictures of PF-PASCAL: category number, width, height and the points that are seen, counted from 1
PASCAL = {
    "2008_000001": (1, 30, 20, [[1, 1], [30, 20], [np.nan, np.nan], [10.5, 5.25]]),
    "2008_000002": (1, 24, 36, [[2, 3], [24, 36], [7, 8], [np.nan, np.nan]]),
    "2008_000003": (1, 24, 24, [[5, 6], [7, 8], [9, 10], [11, 12]]),
    "2008_000004": (20, 40, 16, [[1, 2], [3, 4]]),
    "2008_000005": (20, 16, 40, [[5, 6], [7, 8]]),
}
CATEGORY_NAMES = {1: "aeroplane", 20: "tvmonitor"}
PASCAL_PAIRS = (
    *(("2008_000001", "2008_000002"), ("2008_000004", "2008_000005")),
    *(("2008_000003", "2008_000001"), ("2008_000005", "2008_000004")),
)


def write_picture(file, width, height, seed=0, format="PNG"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode(Image.fromarray(smooth_picture(height, width, seed)), format))


def write_lines(file, lines):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def write_mat(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    savemat(file, content)


def squash(image, size, resize):
    """uint8 `[H, W, 3]` to `[size, size, 3]`, as the pictures of pairs are."""
    height, width = image.shape[:2]
    return resize_picture(image, frame_picture(width, height, size=size, crop=resize))


def write_willow(root, classes=SUB_CLASSES, num=10):
    """`num` pictures in each sub-class; returns the points `[classes, num, 10, 2]`, from 1."""
    points = np.random.default_rng(0).uniform(1, 12, (len(classes), num, 10, 2))
    for c, name in enumerate(classes):
        for k in range(num):
            stem = root / name / f"Picture_{k:03d}"
            write_picture(stem.with_suffix(".png"), 12 + c, 20 + k, seed=100 * c + k)
            savemat(stem.with_suffix(".mat"), {"pts_coord": points[c, k].T})
    return points


def write_pascal(root, *, pictures=True, annotations=True, counts=COUNTS):
    """Lists of the published lengths over five pictures; every pair comes many times."""
    for seed, (name, (category, width, height, points)) in enumerate(PASCAL.items()):
        if pictures:
            write_picture(root / f"JPEGImages/{name}.jpg", width, height, seed, "JPEG")
        if annotations:
            file = root / f"Annotations/{CATEGORY_NAMES[category]}/{name}.mat"
            write_mat(file, {"kps": np.array(points), "bbox": np.array([[1, 2, width, height]])})
    write_pascal_list(root / "train_pairs.csv", counts["train"], flip=True)
    write_pascal_list(root / "val_pairs.csv", counts["val"])
    write_pascal_list(root / "test_pairs.csv", counts["test"], points=True)


def write_pascal_list(file, count, *, flip=False, points=False):
    columns = "source_image target_image class".split()
    columns += ["flip"] * flip + ["XA", "YA", "XB", "YB"] * points
    rows = [",".join(columns)]
    for number in range(count):
        pair = PASCAL_PAIRS[number % len(PASCAL_PAIRS)]
        cells = [f"PF-dataset-PASCAL/JPEGImages/{name}.jpg" for name in pair]
        cells.append(str(PASCAL[pair[0]][0]))
        cells += [str(int(number >= count // 2))] * flip
        if points:
            seen = np.stack([np.array(PASCAL[name][3]) for name in pair])
            seen = seen[:, np.isfinite(seen).all((0, 2))] + 0.25
            seen = np.minimum(seen, [[PASCAL[name][1:3]] for name in pair])
            cells += [";".join(map(str, axis)) for picture in seen for axis in picture.T]
        rows.append(",".join(cells))
    write_lines(file, rows)


def write_table(root, *rows, header="source,target,category,source_points,target_points"):
    """`pairs.csv` in a folder with a.png of 30x20, b.png of 24x36 and c.png of 8x40 pixels."""
    for seed, (name, size) in enumerate({"a": (30, 20), "b": (24, 36), "c": (8, 40)}.items()):
        write_picture(root / f"{name}.png", *size, seed=seed)
    file = root / "pairs.csv"
    write_lines(file, [header, *rows])
    return file
