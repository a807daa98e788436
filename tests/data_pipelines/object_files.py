"""SPair-71k, PASCAL3D+ and PASCAL VOC in the published formats, small."""

import json

import numpy as np
from PIL import Image

from tests.data_pipelines.pair_files import write_lines, write_mat, write_picture

SPAIR_PICTURES = {  # width, height
    "aeroplane/2008_000001": (30, 20),
    "aeroplane/2008_000002": (24, 36),
    "car/2008_000003": (40, 16),
    "car/2008_000004": (16, 40),
}
SPAIR_PAIRS = (
    ("aeroplane", "2008_000001", "2008_000002", [[1, 2], [29, 19], [3, 4]]),
    ("car", "2008_000004", "2008_000003", [[5, 6]]),
)


def write_spair(root, counts):
    """The two pairs again and again, in lists of `counts` for trn, val and test."""
    for seed, (name, (width, height)) in enumerate(SPAIR_PICTURES.items()):
        write_picture(root / f"JPEGImages/{name}.jpg", width, height, seed, "JPEG")
    for part, count in counts.items():
        names = []
        for number in range(count):
            category, source, target, points = SPAIR_PAIRS[number % 2]
            names.append(f"{number:06d}-{source}-{target}:{category}")
            annotation = {
                "pair_id": number, "category": category, "mirror": 0,
                "src_imname": f"{source}.jpg", "trg_imname": f"{target}.jpg",
                "src_kps": points, "trg_kps": (np.array(points) // 2).tolist(),
                "kps_ids": [str(k) for k in range(len(points))],
                "src_bndbox": [1, 2, 12, 14], "trg_bndbox": [3, 4, 13, 15],
            }  # fmt: skip
            write_lines(root / f"PairAnnotation/{part}/{names[-1]}.json", [json.dumps(annotation)])
        write_lines(root / f"Layout/large/{part}.txt", names)


def write_pascal3d(root, category, count, *, source="pascal", seed=0, **changes):
    """`count` pictures of 60x40 with one object each, its box 10..49 x 5..34 (from 1).

    The azimuth is 10 degrees more from one to the next; `changes` are fields of all objects.
    """
    suffix = {"pascal": "jpg", "imagenet": "JPEG"}[source]
    for index in range(count):
        stem = f"{category}_{source}/{index:06d}"
        write_picture(root / f"Images/{stem}.{suffix}", 60, 40, seed + index, "JPEG")
        record = pascal3d_record(category, index, **changes)
        write_mat(root / f"Annotations/{stem}.mat", {"record": record})


def pascal3d_record(category, index, **changes):
    """The annotation of a picture with one object."""
    names = ["left_front", "right_front", "left_back", "right_back"]
    places = np.array([[12, 8], [45, 8], [12, 30], [45, 30]]) + index % 3
    anchors = {
        name: {"location": place[None].astype(float), "status": 1.0}
        for name, place in zip(names, places, strict=True)
    }
    anchors["hidden"] = {"location": np.zeros((0, 0)), "status": 2.0}
    found = {
        "class": category,
        "bbox": np.array([[10.0, 5.0, 49.0, 34.0]]),
        "truncated": 0.0,
        "occluded": 0.0,
        "difficult": 0.0,
        "viewpoint": {"azimuth": 10.0 * index, "elevation": 5.0, "distance": 4.0},
        "anchors": anchors,
    } | changes
    objects = np.empty(1, [(name, object) for name in found])
    objects[0] = tuple(found.values())
    return {"filename": f"{index:06d}.jpg", "objects": objects}


def write_voc(root, counts):
    """Pictures of 20x16 with a car (5..12 x 3..8, from 1) and a person (9..20 x 1..16)."""
    for split, count in counts.items():
        names = [f"2007_{split}{index:06d}" for index in range(count)]
        write_lines(root / f"ImageSets/Segmentation/{split}.txt", names)
        for index, name in enumerate(names):
            write_picture(root / f"JPEGImages/{name}.jpg", 20, 16, index, "JPEG")
            mask = np.zeros((16, 20), np.uint8)
            mask[2:8, 4:12], mask[1, 4:12] = 1, 255
            write_mask(root / f"SegmentationObject/{name}.png", mask)
            write_mask(root / f"SegmentationClass/{name}.png", np.where(mask == 1, 7, mask))
            car = "<object><name>car</name><bndbox><xmax>12</xmax><xmin>5</xmin>"
            car += "<ymax>8</ymax><ymin>3</ymin></bndbox></object>"
            person = "<object><name>person</name><part><bndbox><xmin>1</xmin></bndbox></part>"
            person += "<bndbox><xmin>9</xmin><ymin>1</ymin><xmax>20</xmax><ymax>16</ymax></bndbox>"
            annotation = f"<annotation>{car}{person}</object></annotation>"
            write_lines(root / f"Annotations/{name}.xml", [annotation])


def write_mask(file, mask):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask, "P")
    image.putpalette([level for entry in range(256) for level in (entry, 255 - entry, 99)])
    image.save(file)
