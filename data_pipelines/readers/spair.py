"""SPair-71k: the published pictures, pair lists and pair annotations.

    JPEGImages/CATEGORY/NAME.jpg
    Layout/large/trn.txt, val.txt, test.txt     53,340, 5,384 and 12,234 lines,
                                                NUMBER-NAME-NAME:CATEGORY
    PairAnnotation/trn, val, test/LINE.json     src_imname, trg_imname, category, src_kps, trg_kps,
                                                src_bndbox, trg_bndbox, and more

Points and boxes are taken as 0-based, as those who evaluate on the set do.
"""

import json
from pathlib import Path

import numpy as np

from c3jax.files.catalogue import find, require_files
from c3jax.files.pairs import Annotated, PairRow, Pairs, make_pairs
from c3jax.files.published import check_split, inside, read_names, reading

NAME = "spair"
SPLITS = {"train": "trn", "val": "val", "test": "test"}
COUNTS = find(NAME).counts
ARCHIVE, PICTURES, ANNOTATIONS = "SPair-71k", "JPEGImages", "PairAnnotation"
# Annotators may have clicked beyond the border; a published point is not the user's to correct.
SLACK_PX = 5.0


def needed(folder, split: str) -> list[Path]:
    """What of the published files `read` needs."""
    root, name = inside(folder, ARCHIVE), SPLITS[split]
    return [root / PICTURES, root / "Layout" / "large" / f"{name}.txt", root / ANNOTATIONS / name]


def read(folder, split: str) -> Pairs:
    """The pairs of one list, with the points that both pictures show and the object boxes."""
    check_split(split, tuple(SPLITS))
    pictures, listed, annotations = needed(folder, split)
    require_files(NAME, [pictures, listed, annotations])
    names = read_names(listed, COUNTS[split], what="pairs")
    rows = [_row(pictures, annotations / f"{name}.json") for name in names]
    return make_pairs(rows, name=f"SPair-71k {split}", slack_px=SLACK_PX)


def _row(pictures: Path, file: Path) -> PairRow:
    with reading(file, "a pair annotation"):
        found = json.loads(file.read_text())
        category = found["category"]
        source, target = (
            Annotated(
                pictures / category / found[f"{side}_imname"],
                np.array(found[f"{side}_kps"], np.float32).reshape(-1, 2),
                np.array(found[f"{side}_bndbox"], np.float32).reshape(4),
            )
            for side in ("src", "trg")
        )
    return PairRow(str(file), source, target, category=category)
