"""The TFDS builders of pairs yield what the readers of their files read."""

import numpy as np
import pytest

from data_pipelines import pascal3d, pf_pascal, preparation, spair
from data_pipelines.errors import DataError
from data_pipelines.pairs_csv import pairs_csv
from data_pipelines.pf_willow import pf_willow
from data_pipelines.pictures import read_picture
from tests.data_pipelines.conftest import good_files
from tests.data_pipelines.object_files import write_pascal3d, write_spair
from tests.data_pipelines.pair_files import write_pascal, write_table, write_willow


@pytest.fixture(scope="module")
def builders():
    pytest.importorskip("tensorflow")
    from data_pipelines import pairs_tfds

    pairs_tfds.tfds.disable_progress_bar()
    return pairs_tfds


def prepare(builder_class, folder, *, prepared):
    from data_pipelines import manual_tfds

    return manual_tfds.prepare(builder_class, folder, prepared=prepared)


def check(example, pairs, index, *, tolerance=0):
    """An example equals a pair that is not flipped."""
    for side, end in (("source", pairs.source), ("target", pairs.target)):
        assert example[f"{side}_name"].decode() == end.files[index].name
        image = example[f"{side}_image"].astype(int)
        assert np.abs(image - read_picture(end.files[index])).max() <= tolerance
        points = np.zeros((0, 2)) if end.points_px is None else end.points_px[index]
        np.testing.assert_array_equal(example[f"{side}_points_px"], points)
        box = np.full(4, np.nan) if end.boxes_px is None else end.boxes_px[index]
        np.testing.assert_array_equal(example[f"{side}_box_px"], box)
    assert example["category"].decode() == (pairs.categories or [""] * len(pairs))[index]
    assert example["flipped"] == pairs.flipped[index]


def test_pf_willow_by_index_and_through_tf_data(builders, tmp_path):
    write_willow(tmp_path / "files", ("car(M)", "duck(S)"), num=2)
    pairs = pf_willow(tmp_path / "files")
    builder = prepare(builders.PfWillow, tmp_path / "files", prepared=tmp_path / "tfds")
    assert builder.name == "pf_willow"
    source = builder.as_data_source("test")
    assert len(source) == len(pairs) == 4
    for index in (3, 0):
        check(source[index], pairs, index)


def test_tf_data_reads_the_plain_builder(builders, tmp_path):
    write_willow(tmp_path / "files", ("car(M)",), num=2)
    pairs = pf_willow(tmp_path / "files")
    builder = builders.PfWillow(data_dir=tmp_path / "tfds")
    manual = builders.tfds.download.DownloadConfig(manual_dir=tmp_path / "files")
    builder.download_and_prepare(download_config=manual)
    examples = list(builders.tfds.as_numpy(builder.as_dataset(split="test")))
    assert len(examples) == 2
    for index, example in enumerate(examples):
        check(example, pairs, index)


def test_pf_pascal_keeps_the_published_splits(builders, tmp_path, monkeypatch):
    counts = {"train": 8, "val": 3, "test": 2}
    monkeypatch.setattr(pf_pascal, "COUNTS", counts)
    write_pascal(tmp_path / "files", counts=counts)
    builder = prepare(builders.PfPascal, tmp_path / "files", prepared=tmp_path / "tfds")
    for split, count in counts.items():
        pairs = pf_pascal.pf_pascal(tmp_path / "files", split)
        source = builder.as_data_source(split)
        assert len(source) == len(pairs) == count
        for index in (0, 1):
            check(source[index], pairs, index, tolerance=2)  # JPEG decoders differ in rounding
    flipped = builder.as_data_source("train")[4]  # the first pair again: as stored
    assert flipped["flipped"]
    np.testing.assert_array_equal(
        flipped["source_points_px"], builder.as_data_source("train")[0]["source_points_px"]
    )


def test_spair_keeps_the_published_splits(builders, tmp_path, monkeypatch):
    counts = {"train": 3, "val": 1, "test": 2}
    monkeypatch.setattr(spair, "COUNTS", counts)
    write_spair(tmp_path / "files", {spair.SPLITS[split]: n for split, n in counts.items()})
    builder = prepare(builders.Spair, tmp_path / "files", prepared=tmp_path / "tfds")
    for split, count in counts.items():
        pairs = spair.spair(tmp_path / "files", split)
        assert len(builder.as_data_source(split)) == count
        check(builder.as_data_source(split)[0], pairs, 0, tolerance=2)


def test_pascal3d_is_written_and_prepared_at_once(builders, tmp_path, monkeypatch):
    monkeypatch.setattr(pascal3d, "CATEGORIES", ("car",))
    monkeypatch.setattr(pascal3d, "MAX_ANGLE", 180.0)
    for source in pascal3d.SOURCES:
        write_pascal3d(tmp_path / "files", "car", 10, source=source)
    folders = {"folder": tmp_path / "files", "prepared": tmp_path / "tfds"}
    builder = preparation.prepare("pascal3d", **folders).data
    written = pascal3d.written_pairs(tmp_path / "files", tmp_path / "tfds")
    for split in ("train", "val"):
        pairs = pairs_csv(written / f"{split}.csv")
        assert len(builder.as_data_source(split)) == len(pairs) > 0
        check(builder.as_data_source(split)[0], pairs, 0, tolerance=2)
    assert preparation.prepare("pascal3d", **folders).data.data_dir == builder.data_dir


def test_another_folder_of_pascal3d_gives_other_pairs(tmp_path, monkeypatch):
    monkeypatch.setattr(pascal3d, "CATEGORIES", ("car",))
    monkeypatch.setattr(pascal3d, "MAX_ANGLE", 180.0)
    written = []
    for name, count in (("one", 10), ("other", 20)):
        for source in pascal3d.SOURCES:
            write_pascal3d(tmp_path / name, "car", count, source=source)
        written.append(pascal3d.written_pairs(tmp_path / name, tmp_path / "cache"))
    assert pascal3d.written_pairs(tmp_path / "one", tmp_path / "cache") == written[0]
    rows = [len(pairs_csv(folder / "train.csv")) for folder in written]
    assert rows[0] != rows[1]


def test_pictures_that_tensorflow_reads_otherwise_are_stored_as_pixels(builders, tmp_path):
    files = tmp_path / "files"
    table = write_table(
        files, "a.png,turned.jpg", "rgb.webp,b.png", "grey.jpg,cmyk.jpg", header="source,target"
    )
    for name in ("turned.jpg", "rgb.webp", "grey.jpg", "cmyk.jpg"):
        (files / name).write_bytes(good_files()[name])
    builder = prepare(builders.PairsCsv, files, prepared=tmp_path / "tfds")
    source, pairs = builder.as_data_source("pairs"), pairs_csv(table)
    for index in range(3):
        check(source[index], pairs, index, tolerance=2)


def test_changed_files_make_another_set(builders, tmp_path):
    table = write_table(tmp_path / "files", "a.png,b.png", header="source,target")
    options = {"prepared": tmp_path / "tfds"}
    first = prepare(builders.PairsCsv, tmp_path / "files", **options)
    assert prepare(builders.PairsCsv, tmp_path / "files", **options).data_dir == first.data_dir
    table.write_text(table.read_text() + "b.png,c.png\n")
    second = prepare(builders.PairsCsv, tmp_path / "files", **options)
    assert (len(first.as_data_source("pairs")), len(second.as_data_source("pairs"))) == (1, 2)


def test_faulty_files_are_refused_as_by_their_reader(builders, tmp_path):
    write_table(tmp_path / "files", "a.png,x.png", header="source,target")
    with pytest.raises(DataError, match="row 1: .*x.png: no such file"):
        prepare(builders.PairsCsv, tmp_path / "files", prepared=tmp_path / "tfds")
    with pytest.raises(DataError, match="nowhere: no files; needed: pairs.csv, and the"):
        prepare(builders.PairsCsv, tmp_path / "nowhere", prepared=tmp_path / "tfds")
