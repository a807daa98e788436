"""A folder of pairs, told by their names: NAMEsource.jpg and NAMEtarget.jpg.

mug/source.jpg   mug/target.jpg
cars_1_source.png   cars_1_target.png
"""

from pathlib import Path, PurePosixPath

from data_pipelines.errors import DataError
from data_pipelines.pairs import Annotated, PairRow, Pairs, make_pairs
from data_pipelines.readers.folder import find_pictures

SIDES = ("source", "target")


def pairs_folder(path) -> Pairs:
    """Pairs of a folder and all folders in it, sorted; other pictures are passed over."""
    root = Path(path)
    found: dict[str, dict[str, Path]] = {}
    for name in find_pictures(root):
        stem = PurePosixPath(name).with_suffix("").as_posix()
        for side in SIDES:
            if stem.endswith(side):
                sides = found.setdefault(stem.removesuffix(side), {})
                if side in sides:
                    raise DataError(f"{root / name}: {sides[side].name} is there too; keep one")
                sides[side] = root / name
    if not found:
        raise DataError(
            f"{root}: no pair in it; name the two pictures of each NAMEsource.jpg and "
            "NAMEtarget.jpg, such as mug/source.jpg and mug/target.jpg"
        )
    for sides in found.values():
        if len(sides) == 1:
            ((side, file),) = sides.items()
            other = SIDES[side == SIDES[0]]
            raise DataError(f"{file}: it has no {other} beside it; put it there, or rename this")
    rows = [
        PairRow(str(root / name), Annotated(sides["source"]), Annotated(sides["target"]))
        for name, sides in found.items()
    ]
    return make_pairs(rows, name=str(root))
