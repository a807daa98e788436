"""Every data set that can be read: what it is, where it comes from, what is to be put where.

Nothing is downloaded here. The readers raise these instructions where something is missing, and
docs/datasets.md repeats the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data_pipelines.errors import DataError


class Archive(NamedTuple):
    """A published archive: its `name`, the `folder` that it becomes, and `sha256` where known."""

    name: str
    folder: str
    sha256: str | None = None


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
      name: as after `--data.name`.
      title: what people call it.
      about: what is in it.
      source: where it is to be had.
      licence: what its owners allow, in short.
      size: of the download, or of what is made.
      files: what a complete folder holds.
      archives: what is downloaded, where it is unpacked by `preparation.prepare`.
    """

    name: str
    title: str
    about: str
    source: str
    licence: str
    size: str
    files: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()

    def instructions(self) -> str:
        """What to do, for people."""
        if not self.files:
            return f"{self.title}: {self.source}."
        unpacking = (
            " Archives that lie in a folder are checked and unpacked by: make data "
            f"NAME={self.name} ARGS='--path FOLDER'."
        )
        return (
            f"{self.title} ({self.size}; licence: {self.licence}): get it from {self.source}, and "
            f"unpack it so that one folder holds {', '.join(self.files)}; give that folder "
            f"(--data.path).{unpacking if self.archives else ''}"
        )


def instructions(name: str) -> str:
    """What to put where for the named data set; raises DataError where there is none."""
    return find(name).instructions()


def find(name: str) -> DataSet:
    """The named data set; raises DataError where there is none."""
    if name not in CATALOGUE:
        raise DataError(f"{name!r} is no data set; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def require_files(name: str, paths: Sequence[Path]) -> None:
    """Raises one DataError for everything of a data set that is missing, with its instructions."""
    if missing := [path for path in paths if not path.exists()]:
        listed = "".join(f"\n  {path}" for path in missing)
        data = find(name)
        raise DataError(
            f"{data.title} is incomplete; put these in place (nothing is downloaded):{listed}\n"
            f"{data.instructions()}"
        )


_RESEARCH = "non-commercial research only"
_DATA_SETS = (
    DataSet(
        "rendered_faces",
        "Rendered faces",
        "faces drawn by this project, with key points, boxes, masks and dense correspondence",
        "they are rendered on first use",
        "that of this project",
        "0.1 GB in the cache",
    ),
    DataSet(
        "rendered_objects",
        "Rendered objects",
        "pairs of objects of nine categories, with key points and dense matches",
        "they are rendered on first use",
        "that of this project",
        "0.1 GB in the cache",
    ),
    DataSet(
        "rendered_cars",
        "Rendered cars",
        "the cars of rendered_objects alone, for landmarks",
        "they are rendered on first use",
        "that of this project",
        "0.1 GB in the cache",
    ),
    DataSet(
        "rendered_rooms",
        "Rendered rooms",
        "furnished rooms seen from inside, with the corners of their layouts as key points",
        "they are rendered on first use",
        "that of this project",
        "0.1 GB in the cache",
    ),
    DataSet(
        "folder",
        "A folder of your own pictures",
        "unlabelled pictures to train on, nested as they like",
        "give it as --data.path",
        "yours",
        "any",
    ),
    DataSet(
        "labelled",
        "Your own labelled pictures",
        "a table of points; the first two are the eyes",
        "you",
        "yours",
        "any",
        ("images/", "landmarks.csv"),
    ),
    DataSet(
        "celeb_a",
        "CelebA with MAFL",
        "202,599 aligned faces of 10,177 people, five points; MAFL fits on 19,000, tests on 1,000",
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (aligned and cropped) and, for MAFL's "
        "two lists, https://mmlab.ie.cuhk.edu.hk/projects/TCDCN.html",
        _RESEARCH,
        "1.4 GB",
        (
            "img_align_celeba/ (or img_align_celeba.zip with list_attr_celeba.txt)",
            "list_landmarks_align_celeba.txt",
            "list_eval_partition.txt",
            "identity_CelebA.txt",
            "MAFL/training.txt",
            "MAFL/testing.txt",
        ),
    ),
    DataSet(
        "aflw",
        "AFLW, re-cropped (AFLW_R)",
        "10,122 training and 2,991 test faces, five points; the version of IMM, JLAD and C3",
        "http://www.robots.ox.ac.uk/~vgg/research/unsupervised_landmarks/resources/"
        "aflw_release-2.zip",
        _RESEARCH,
        "1.1 GB",
        (
            "output/",
            "aflw_train_images.txt",
            "aflw_train_keypoints.mat",
            "aflw_test_images.txt",
            "aflw_test_keypoints.mat",
        ),
        (Archive("aflw_release-2.zip", "aflw_release-2"),),
    ),
    DataSet(
        "aflw_mtfl",
        "AFLW in the MTFL crops (AFLW_M)",
        "10,000 training faces of other sources (or the 10,122 AFLW crops of aflw_cropped/) and "
        "2,995 AFLW test faces, five points",
        "http://mmlab.ie.cuhk.edu.hk/projects/TCDCN/data/MTFL.zip (and, for aflw_cropped/, "
        "http://www.robots.ox.ac.uk/~jdt/aflw_10122train_cropped.zip)",
        _RESEARCH,
        "0.3 GB",
        ("AFLW/", "lfw_5590/", "net_7876/", "training.txt", "testing.txt"),
        (
            Archive("MTFL.zip", "MTFL"),
            Archive("aflw_10122train_cropped.zip", "aflw_cropped"),
        ),
    ),
    DataSet(
        "w300",
        "300-W",
        "3,148 training faces (AFW, HELEN and LFPW) and 689 test faces (554 common, 135 "
        "challenging), 68 points",
        "https://ibug.doc.ic.ac.uk/resources/facial-point-annotations/ (afw.zip, helen.zip, "
        "ibug.zip, lfpw.zip)",
        _RESEARCH,
        "3 GB",
        (
            "afw/",
            "helen/trainset/",
            "helen/testset/",
            "ibug/",
            "lfpw/trainset/",
            "lfpw/testset/",
        ),
        tuple(Archive(f"{part}.zip", part) for part in ("afw", "helen", "ibug", "lfpw")),
    ),
    DataSet(
        "lsun",
        "LSUN, one category",
        "unlabelled pictures of bedrooms (3,033,042) or cars (5,520,756), as C3 takes; read "
        "with the package lmdb",
        "https://www.yf.io/p/lsun (bedroom_train_lmdb.zip of the scenes, car.zip of the objects)",
        _RESEARCH,
        "43 GB (bedroom) or about 170 GB (car)",
        ("data.mdb",),
        (
            Archive(
                "bedroom_train_lmdb.zip",
                "bedroom_train_lmdb",
                "a15644c2e7153106867f0adb3491fc41224102d1f01b24494fb47d9f5d1f174e",
            ),
            Archive(
                "car.zip", "car", "e6bd5b23b461177b69a5abd1b301fc41dd1c8fd719f389daf2d10f8b1098ba43"
            ),
        ),
    ),
    DataSet(
        "pf_pascal",
        "PF-PASCAL",
        "2,940 training (half of them mirrored), 308 validation and 299 test pairs of 20 "
        "categories, key points",
        "https://www.di.ens.fr/willow/research/proposalflow/ (PF-dataset-PASCAL.zip) and the pair "
        "lists of SCNet or NC-Net",
        _RESEARCH,
        "0.1 GB",
        ("JPEGImages/", "Annotations/", "train_pairs.csv", "val_pairs.csv", "test_pairs.csv"),
        (Archive("PF-dataset-PASCAL.zip", "PF-dataset-PASCAL"),),
    ),
    DataSet(
        "pf_willow",
        "PF-WILLOW",
        "ten sub-classes of ten pictures with ten key points; all 900 ordered pairs",
        "https://www.di.ens.fr/willow/research/proposalflow/ (PF-dataset.zip)",
        _RESEARCH,
        "0.02 GB",
        ("car(G)/", "car(M)/", "car(S)/", "duck(S)/", "and the other six, .png with .mat"),
        (Archive("PF-dataset.zip", "PF-dataset"),),
    ),
    DataSet(
        "spair",
        "SPair-71k",
        "53,340 training, 5,384 validation and 12,234 test pairs of 18 categories, key points and "
        "boxes",
        "https://cvlab.postech.ac.kr/research/SPair-71k/ (SPair-71k.tar.gz)",
        _RESEARCH,
        "0.3 GB",
        ("JPEGImages/", "Layout/large/", "PairAnnotation/"),
        (Archive("SPair-71k.tar.gz", "SPair-71k"),),
    ),
    DataSet(
        "pascal3d",
        "PASCAL3D+ as pairs from similar viewpoints",
        "12 categories, about 1,000 pairs of crops in each with key points, divided 70/20/10: an "
        "approximation of JLAD's unreleased set",
        "https://cvgl.stanford.edu/projects/pascal3d.html (PASCAL3D+_release1.1.zip)",
        _RESEARCH,
        "8 GB",
        ("Annotations/", "Images/"),
        (Archive("PASCAL3D+_release1.1.zip", "PASCAL3D+_release1.1"),),
    ),
    DataSet(
        "voc2012",
        "PASCAL VOC 2012, segmentation",
        "1,464 training and 1,449 validation pictures of 20 classes, masks and boxes",
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/ (VOCtrainval_11-May-2012.tar)",
        "that of Flickr, for research",
        "2 GB",
        (
            "JPEGImages/",
            "Annotations/",
            "SegmentationClass/",
            "SegmentationObject/",
            "ImageSets/Segmentation/",
        ),
        (
            Archive(
                "VOCtrainval_11-May-2012.tar",
                "VOCdevkit",
                "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
            ),
        ),
    ),
    DataSet(
        "pairs_csv",
        "Your own pairs",
        "a table of pairs of pictures, with or without points",
        "you",
        "yours",
        "any",
        ("pairs.csv", "the pictures that it names"),
    ),
)

CATALOGUE = {data.name: data for data in _DATA_SETS}
