"""SPair-71k, PASCAL3D+ and PASCAL VOC in the published formats, small."""

import json

import numpy as np

from tests.data_pipelines.pair_files import write_picture

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
            file = root / f"PairAnnotation/{part}/{names[-1]}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(annotation))
        listed = root / f"Layout/large/{part}.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text("\n".join(names) + "\n")
