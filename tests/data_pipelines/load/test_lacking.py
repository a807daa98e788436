"""What is missing of data is told at once, by the existence of files alone."""

import importlib.util
import shutil
import sys

import pytest

from c3jax.files.errors import DataError
from data_pipelines.load import AlignmentDataConfig, DataConfig, lacking
from data_pipelines.load.config import RENDERED
from data_pipelines.readers import lsun
from tests.data_pipelines.published_files import WRITERS, take_counts

PAIRS = ("pf_pascal", "spair", "pascal3d", "pairs_csv")
# Something that training cannot do without, of each.
GONE = {
    "celeb_a": "identity_CelebA.txt",
    "aflw": "aflw_test_keypoints.mat",
    "aflw_mtfl": "AFLW",
    "w300": "ibug",
    "lsun": "data.mdb",
    "pf_pascal": "train_pairs.csv",
    "spair": "Layout/large/trn.txt",
    "pascal3d": "Images/car_imagenet",
    "pairs_csv": "pairs.csv",
}


def config_of(name, path, **options):
    kind = AlignmentDataConfig if name in PAIRS else DataConfig
    return kind(name=name, path=path, **options)


@pytest.mark.parametrize("name", GONE)
def test_whole_data_lack_nothing_and_a_missing_part_is_named(name, tmp_path, monkeypatch):
    if name == "lsun" and not importlib.util.find_spec("lmdb"):
        pytest.skip("needs lmdb")
    root = tmp_path / "files"
    take_counts(root, monkeypatch)
    WRITERS[name](root)
    path = root / "pairs.csv" if name == "pairs_csv" else root
    config = config_of(name, path, cache=tmp_path / "cache")
    assert lacking(config) == []
    gone = root / GONE[name]
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    (told,) = lacking(config)
    assert str(gone) in told


def test_rendered_data_lack_nothing():
    assert all(lacking(DataConfig(name=name)) == [] for name in RENDERED)


def test_all_that_is_missing_is_told(tmp_path, monkeypatch):
    photos, boxes = tmp_path / "photos", tmp_path / "boxes.csv"
    told = lacking(DataConfig(name="folder", path=photos, boxes=boxes))
    assert told == [f"{photos}: no such folder", f"{boxes}: no such file"]
    photos.mkdir()
    told = lacking(DataConfig(name="labelled", path=photos))
    assert told == [
        f"{photos / 'images'}: no such folder",
        f"{photos / 'landmarks.csv'}: no such file",
    ]
    assert lacking(DataConfig(name="folder")) == ["data.name folder needs --data.path"]
    monkeypatch.setitem(sys.modules, "lmdb", None)
    package, database = lacking(DataConfig(name="lsun", path=tmp_path))
    assert package == lsun.NO_PACKAGE and str(tmp_path / "data.mdb") in database
    pairs = AlignmentDataConfig(name="spair", path=tmp_path, voc_path=tmp_path / "voc")
    spair, voc = lacking(pairs)
    assert "trn.txt" in spair and "SegmentationClass" in voc


def test_data_without_training_pairs_are_refused(tmp_path):
    with pytest.raises(DataError, match="pf_willow has test pairs alone"):
        lacking(AlignmentDataConfig(name="pf_willow", path=tmp_path))


def test_crops_that_are_written_need_no_pictures(tmp_path):
    from data_pipelines.readers import pascal3d

    config = config_of("pascal3d", tmp_path / "gone", cache=tmp_path)
    for table in pascal3d.tables(config.path, config.cache):
        table.parent.mkdir(exist_ok=True)
        table.touch()
    assert lacking(config) == []
