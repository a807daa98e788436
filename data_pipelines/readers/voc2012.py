"""PASCAL VOC 2012: the pictures with segmentation, which JLAD's synthetic pairs are made of.

JPEGImages/NAME.jpg
Annotations/NAME.xml               objects: name, bndbox, counted from 1
SegmentationClass/NAME.png         palette: 0 background, 1 to 20 the class, 255 the border
SegmentationObject/NAME.png        the same with the number of the object
ImageSets/Segmentation/train.txt, val.txt, trainval.txt       1,464, 1,449 and 2,913 names
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from c3jax.files.catalogue import find, require_files
from c3jax.files.published import check_split, faulty, inside, read_names, reading
from c3jax.files.sources import Pictures
from c3jax.files.tables import read_floats

NAME = "voc2012"
SPLITS = ("train", "val")  # without overlap
COUNTS = find(NAME).counts
ABOVE = "VOCdevkit/VOC2012"
CATEGORIES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
BORDER = 255
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Segmented:
    """The segmented pictures of one split.

    Attributes:
      root: the folder VOC2012.
      names: of the pictures, without suffix.
    """

    root: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def pictures(self) -> Pictures:
        """The pictures, whole."""
        files = tuple(f"{name}.jpg" for name in self.names)
        return Pictures(self.root / "JPEGImages", files, crop="squash")

    def masks(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Class and object of each pixel, uint8 `[height, width]`; 255 is the border of objects."""
        file = f"{self.names[index]}.png"
        classes = _read_mask(self.root / "SegmentationClass" / file)
        objects = _read_mask(self.root / "SegmentationObject" / file)
        known = (classes <= len(CATEGORIES)) | (classes == BORDER)
        if not known.all() or classes.shape != objects.shape:
            why = f"a class above {len(CATEGORIES)}, or not the size of its SegmentationObject"
            raise faulty(self.root / "SegmentationClass" / file, why)
        return classes, objects

    def objects(self, index: int) -> tuple[tuple[str, ...], np.ndarray]:
        """Categories of the objects, and their boxes `[n, 4]`: edges, counted from 0."""
        file = self.root / "Annotations" / f"{self.names[index]}.xml"
        with reading(file, "XML"):
            found = ElementTree.parse(file).getroot().findall("object")
        categories = tuple(each.findtext("name", "") for each in found)
        if unknown := set(categories) - set(CATEGORIES):
            raise faulty(file, f"{min(unknown)!r} is none of the 20 classes")
        corners = [[each.findtext(f"bndbox/{c}", "") for c in _CORNERS] for each in found]
        boxes = np.array([read_floats(str(file), cells) for cells in corners], np.float32)
        return categories, boxes.reshape(-1, 4) - [1, 1, 0, 0]


def needed(folder, split: str) -> list[Path]:
    """What of the published files `read` needs."""
    root, listed = inside(folder, ABOVE), Path("ImageSets") / "Segmentation" / f"{split}.txt"
    parts = ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject")
    return [root / listed, *(root / part for part in parts)]


def read(folder, split: str) -> Segmented:
    """The segmented pictures of one list; masks and annotations are read when asked for."""
    check_split(split, tuple(COUNTS))
    root = inside(folder, ABOVE)
    listed, *_ = files = needed(folder, split)
    require_files(NAME, files)
    return Segmented(root, tuple(read_names(listed, COUNTS[split], what="pictures")))


def _read_mask(file: Path) -> np.ndarray:
    with reading(file, "PNG"), Image.open(file, formats=["PNG"]) as image:
        mode, mask = image.mode, np.asarray(image, np.uint8)
    if mode != "P":
        raise faulty(file, f"its pixels are {mode}, no palette")
    return mask
