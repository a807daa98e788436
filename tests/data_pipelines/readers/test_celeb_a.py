"""CelebA and MAFL, on files in exactly the published formats."""

import zipfile
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from c3jax.files.errors import DataError
from c3jax.files.sources import OnDisk, load_annotated
from data_pipelines.readers import celeb_a
from data_pipelines.streams import stream
from tests.experiments.celeb_a_files import write_celeb_a

NAMES = [f"{index:06d}.jpg" for index in range(1, 41)]
MAFL_TRAINING = NAMES[:20][::-1]  # not sorted; the last two are the validation split
MAFL_TESTING = NAMES[20:24]


def _write(root, **options):
    keypoints = write_celeb_a(root, **options)
    (root / "MAFL/training.txt").write_text("\n".join(MAFL_TRAINING) + "\n")
    partition = (root / "list_eval_partition.txt").read_text()
    (root / "list_eval_partition.txt").write_text(partition.replace(" 2", " 1", 4))
    return keypoints


def _write_archive(root):
    """What TFDS asks for besides the lists."""
    import tensorflow_datasets as tfds

    with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as archive:
        for path in sorted((root / "img_align_celeba").iterdir()):
            archive.write(path, f"img_align_celeba/{path.name}")
    heading = " ".join(tfds.builder("celeb_a").info.features["attributes"])
    rows = [f"{name} {' '.join(['-1', ' 1'] * 20)}" for name in NAMES]
    (root / "list_attr_celeba.txt").write_text("\n".join([str(len(NAMES)), heading, *rows, ""]))


def names_of(tables, rows):
    return [tables.names[row] for row in rows]


@pytest.fixture
def root(tmp_path):
    _write(tmp_path, pictures=False)
    return tmp_path


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    root = tmp_path_factory.mktemp("celeb_a")
    _write(root)
    _write_archive(root)
    return root


def test_the_lists_are_read_as_published(tmp_path):
    keypoints = _write(tmp_path, pictures=False)
    tables = celeb_a.read_tables(tmp_path)
    assert tables.names == tuple(NAMES)
    np.testing.assert_array_equal(tables.keypoints_px, keypoints)
    assert tables.partition.tolist() == [0] * 32 + [1] * 4 + [2] * 4
    assert tables.identity.tolist() == [index // 3 for index in range(40)]
    assert names_of(tables, tables.mafl_training) == MAFL_TRAINING


def test_training_pictures_are_the_partition_without_mafl_test_and_validation(root):
    tables = celeb_a.read_tables(root)
    splits = {
        split: names_of(tables, celeb_a.split_rows(tables, split))
        for split in get_args(celeb_a.Split)
    }
    held_out = {*MAFL_TRAINING[18:], *MAFL_TESTING}
    tested = {NAMES.index(name) // 3 for name in MAFL_TESTING}
    train = [name for name in NAMES[:32] if name not in held_out]
    others = [name for name in train if NAMES.index(name) // 3 not in tested]
    assert len(others) < len(train)
    assert splits == {
        "train": train,
        "train_of_others": others,
        "mafl_train": MAFL_TRAINING[:18],
        "mafl_validation": MAFL_TRAINING[18:],
        "mafl_test": MAFL_TESTING,
    }


def test_the_counts_tell_what_is_trained_on(root):
    splits = {"train": 26, "train_of_others": 24}
    splits |= {"mafl_train": 18, "mafl_validation": 2, "mafl_test": 4}
    persons = {"train_identities": 10, "train_of_others_identities": 9}
    counts = celeb_a.count_splits(celeb_a.read_tables(root))
    assert counts == {"pictures": 40, "training_partition": 32} | splits | persons


def test_the_mafl_lists_may_lie_beside_the_others(root):
    for name in ("training.txt", "testing.txt"):
        (root / "MAFL" / name).rename(root / name)
    (root / "MAFL").rmdir()
    assert celeb_a.read_tables(root).mafl_testing.tolist() == [20, 21, 22, 23]


def test_an_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match="split is 'test'"):
        celeb_a.split_rows(celeb_a.read_tables(root), "test")


def test_keypoints_lie_in_the_frame_of_the_protocol(complete):
    tables = celeb_a.read_tables(complete)
    pictures = celeb_a.open_pictures(complete, tables)
    examples = load_annotated(pictures.select(tables.mafl_testing), size=128)
    assert (examples.names, examples.images.shape) == (tuple(MAFL_TESTING), (4, 128, 128, 3))
    original = tables.keypoints_px[20:24]
    expected = (original + 0.5) * [160 / 178, 160 / 218] - 0.5 - 16
    np.testing.assert_allclose(examples.keypoints_px, expected, rtol=1e-4, atol=1e-4)
    # x is stretched by 218/178 = 1.2247 against y; the central square is isotropic.
    central = celeb_a.open_pictures(complete, tables, crop="centre").select(slice(20, 24))
    isotropic = load_annotated(central, size=178)
    np.testing.assert_allclose(isotropic.keypoints_px, original - [0, 20], atol=1e-3)


def test_the_tfds_records_are_the_pictures_of_the_folder(complete, tmp_path, monkeypatch):
    tables = celeb_a.read_tables(complete)
    _trust(monkeypatch, complete)
    folder = celeb_a.open_pictures(complete, tables)
    pictures = complete / celeb_a.PICTURES
    pictures.rename(complete / "away")
    try:
        archive = celeb_a.open_pictures(complete, tables, prepared=tmp_path)
        with pytest.raises(DataError, match="does not belong to these lists"):
            foreign = replace(tables, identity=tables.identity + 1)
            celeb_a.open_pictures(complete, foreign, prepared=tmp_path)
    finally:
        (complete / "away").rename(pictures)
    folder, records = (each.select(slice(1, 12)) for each in (folder, archive))
    for index in range(len(folder)):
        assert records.encoded(index) == folder.encoded(index)
    image, frame = records.read(5, size=32)
    np.testing.assert_array_equal(image, folder.read(5, size=32)[0])
    assert frame == folder.read(5, size=32)[1]
    options = {"batch_size": 8, "seed": 0}
    batch, other = (next(stream(OnDisk(each, 32), **options)) for each in (records, folder))
    np.testing.assert_array_equal(batch["source"], other["source"])


def test_tfds_refuses_missing_and_foreign_archives_without_a_download(complete, tmp_path):
    from data_pipelines.tfds import open_celeb_a

    tables = celeb_a.read_tables(complete)
    with pytest.raises(DataError, match=r"(?s)img_align_celeba.zip.*list_attr_celeba.txt"):
        open_celeb_a(tmp_path / "nowhere", tables, prepared=tmp_path / "a")
    said = f"{complete}/.*[.](txt|zip) is not the published one, by its checksum"
    with pytest.raises(DataError, match=said):
        open_celeb_a(complete, tables, prepared=tmp_path / "b")


def _trust(monkeypatch, root):
    """Registers the checksums of the generated files as those of the published ones."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import checksums

    infos = tfds.builder_cls("celeb_a").url_infos
    for url, info in list(infos.items()):
        monkeypatch.setitem(infos, url, checksums.compute_url_info(root / info.filename))
