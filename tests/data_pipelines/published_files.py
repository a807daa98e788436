"""Every data set that can be prepared, as small files in the published format."""

from data_pipelines.readers import celeb_a, pascal3d, reader_of, spair, w300
from tests.data_pipelines.face_files import write_aflw, write_mtfl, write_w300
from tests.data_pipelines.object_files import write_pascal3d, write_spair, write_voc
from tests.data_pipelines.pair_files import write_pascal, write_table, write_willow
from tests.data_pipelines.readers.test_lsun import NUM, write_lsun
from tests.experiments.celeb_a_files import write_celeb_a

PAIRS = {"train": 4, "val": 2, "test": 2}
FACES = {"train": 10, "test": 2}
VOC = {"train": 2, "val": 1}
# What a prepared set has, and two of its files: a picture and another one.
COUNTS = {
    "celeb_a": {"train": 26, "mafl_train": 18, "mafl_validation": 2, "mafl_test": 4},
    "aflw": {"train": 9, "validation": 1, "test": 2},
    "aflw_mtfl": {"train": 9, "validation": 1, "test": 2},
    "w300": {"train": 3, "common": 2, "challenging": 1},
    "lsun": {"train": NUM},
    "pf_pascal": PAIRS,
    "pf_willow": {"test": 900},
    "spair": PAIRS,
    "pascal3d": {"train": 182, "val": 12, "test": 2},
    "voc2012": VOC,
    "pairs_csv": {"pairs": 2},
}
FILES = {
    "celeb_a": ("img_align_celeba/000003.jpg", "identity_CelebA.txt"),
    "aflw": ("output/image00001_train.jpg", "aflw_test_keypoints.mat"),
    "aflw_mtfl": ("lfw_5590/train_2.jpg", "testing.txt"),
    "w300": ("helen/trainset/image_0 _1.jpg", "ibug/image_0 _1.pts"),
    "lsun": ("data.mdb",),
    "pf_pascal": ("JPEGImages/2008_000003.jpg", "Annotations/aeroplane/2008_000002.mat"),
    "pf_willow": ("duck(S)/Picture_002.png", "duck(S)/Picture_001.mat"),
    "spair": (
        "JPEGImages/car/2008_000004.jpg",
        "PairAnnotation/val/000001-2008_000004-2008_000003:car.json",
    ),
    "pascal3d": ("Images/car_imagenet/000002.JPEG",),
    "voc2012": ("JPEGImages/2007_val000000.jpg", "Annotations/2007_train000001.xml"),
    "pairs_csv": ("c.png", "pairs.csv"),
}


def write(name, root, patch):
    """Writes the files, and takes their counts for the published ones."""
    take_counts(root, patch)
    WRITERS[name](root)


def take_counts(root, patch):
    """Takes the counts of such files, those of LSUN in `root`, for the published ones."""
    lists = (celeb_a.LANDMARKS, celeb_a.MAFL_TRAINING, celeb_a.MAFL_TESTING)
    counts = {
        "celeb_a": dict(zip(lists, (40, 20, 4), strict=True)),
        "aflw": FACES,
        "aflw_mtfl": {part: (count,) for part, count in FACES.items()},
        "w300": dict.fromkeys(w300.COUNTS, 1),
        "lsun": {root.name: NUM},
        "pf_pascal": PAIRS,
        "spair": PAIRS,
        "voc2012": VOC,
    }
    for name, published in counts.items():
        patch.setattr(reader_of(name), "COUNTS", published)
    patch.setattr(pascal3d, "CATEGORIES", ("car",))
    patch.setattr(pascal3d, "MAX_ANGLE", 180.0)


def _pascal3d(root):
    for source in pascal3d.SOURCES:
        write_pascal3d(root, "car", 10, source=source)


WRITERS = {
    "celeb_a": write_celeb_a,
    "aflw": lambda root: write_aflw(root, FACES),
    "aflw_mtfl": lambda root: write_mtfl(root, FACES),
    "w300": lambda root: write_w300(root, dict.fromkeys(w300.COUNTS, 1)),
    "lsun": write_lsun,
    "pf_pascal": lambda root: write_pascal(root, counts=PAIRS),
    "pf_willow": write_willow,
    "spair": lambda root: write_spair(root, {spair.SPLITS[s]: n for s, n in PAIRS.items()}),
    "pascal3d": _pascal3d,
    "voc2012": lambda root: write_voc(root, VOC),
    "pairs_csv": lambda root: write_table(
        root, "a.png,b.png", "b.png,c.png", header="source,target"
    ),
}
