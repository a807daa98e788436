"""CelebA and MAFL, on files in exactly the published formats."""

import zipfile
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from data_pipelines import celeb_a
from data_pipelines.errors import DataError
from data_pipelines.streams import memory_stream, tf_stream
from tests.data_pipelines.conftest import encode, smooth_picture

NUM = 60
NAMES = [f"{index:06d}.jpg" for index in range(1, NUM + 1)]
POINTS = "lefteye righteye nose leftmouth rightmouth".split()
MAFL_TRAINING = NAMES[10:30][::-1]  # not sorted; the last two are the validation split
MAFL_TESTING = NAMES[35:39]
IDENTITIES = [index // 3 for index in range(NUM)]


def _partition(index):
    return 0 if index < 45 else 1 if index < 52 else 2


def _write_lists(root):
    rng = np.random.default_rng(0)
    heading = " ".join(f"{point}_{axis}" for point in POINTS for axis in "xy")
    rows = [f"{name}  {' '.join(f'{v:3d}' for v in rng.integers(100, 170, 10))}" for name in NAMES]
    landmarks = "\n".join([str(NUM), f"{heading} ", *rows, ""])
    (root / "list_landmarks_align_celeba.txt").write_text(landmarks)
    partition = "".join(f"{name} {_partition(index)}\n" for index, name in enumerate(NAMES))
    (root / "list_eval_partition.txt").write_text(partition)
    identity = "".join(f"{n} {person}\n" for n, person in zip(NAMES, IDENTITIES, strict=True))
    (root / "identity_CelebA.txt").write_text(identity)
    (root / "MAFL").mkdir()
    (root / "MAFL/training.txt").write_text("\n".join(MAFL_TRAINING) + "\n")
    (root / "MAFL/testing.txt").write_text("\n".join(MAFL_TESTING) + "\n")


def _write_pictures(root):
    (root / "img_align_celeba").mkdir()
    for index, name in enumerate(NAMES):
        picture = Image.fromarray(smooth_picture(218, 178, seed=index))
        (root / "img_align_celeba" / name).write_bytes(encode(picture, "JPEG", quality=85))


def _write_archive(root):
    """What TFDS asks for besides the lists."""
    import tensorflow_datasets as tfds

    with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as archive:
        for path in sorted((root / "img_align_celeba").iterdir()):
            archive.write(path, f"img_align_celeba/{path.name}")
    heading = " ".join(tfds.builder("celeb_a").info.features["attributes"])
    rows = [f"{name} {' '.join(['-1', ' 1'] * 20)}" for name in NAMES]
    (root / "list_attr_celeba.txt").write_text("\n".join([str(NUM), heading, *rows, ""]))


@pytest.fixture
def root(tmp_path):
    _write_lists(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    root = tmp_path_factory.mktemp("celeb_a")
    _write_lists(root)
    _write_pictures(root)
    _write_archive(root)
    return root


def test_the_lists_are_read_as_published(root):
    tables = celeb_a.read_tables(root)
    assert tables.names == tuple(NAMES)
    assert tables.keypoints_px.shape == (NUM, 5, 2)
    line = (root / "list_landmarks_align_celeba.txt").read_text().splitlines()[2]
    assert tables.keypoints_px[0].ravel().tolist() == [int(cell) for cell in line.split()[1:]]
    assert tables.partition.tolist() == [_partition(index) for index in range(NUM)]
    assert tables.identity.tolist() == IDENTITIES
    assert tables.mafl_training == tuple(MAFL_TRAINING)


def test_training_pictures_are_the_partition_without_mafl_test_and_validation(root):
    tables = celeb_a.read_tables(root)
    splits = {split: celeb_a.split_names(tables, split) for split in get_args(celeb_a.Split)}
    assert splits["mafl_train"] == tuple(MAFL_TRAINING[:18])
    assert splits["mafl_validation"] == tuple(MAFL_TRAINING[18:])
    assert splits["mafl_test"] == tuple(MAFL_TESTING)
    held_out = {*MAFL_TRAINING[18:], *MAFL_TESTING}
    assert splits["train"] == tuple(name for name in NAMES[:45] if name not in held_out)


def test_persons_of_mafl_test_can_be_left_out_altogether(root):
    tables = celeb_a.read_tables(root)
    names = celeb_a.split_names(tables, "train", drop_test_identities=True)
    person = dict(zip(NAMES, IDENTITIES, strict=True))
    tested = {person[name] for name in MAFL_TESTING}
    assert not tested & {person[name] for name in names}
    dropped = set(celeb_a.split_names(tables, "train")) - set(names)
    assert dropped == {n for n in NAMES[:45] if person[n] in tested} - set(MAFL_TESTING)


def test_the_counts_tell_what_is_trained_on(root):
    assert celeb_a.count_splits(celeb_a.read_tables(root)) == {
        "pictures": 60,
        "training_partition": 45,
        "train": 39,
        "mafl_train": 18,
        "mafl_validation": 2,
        "mafl_test": 4,
        "train_identities": 14,
        "train_of_test_identities": 2,
    }


def test_the_mafl_lists_may_lie_beside_the_others(root):
    for name in ("training.txt", "testing.txt"):
        (root / "MAFL" / name).rename(root / name)
    (root / "MAFL").rmdir()
    assert celeb_a.read_tables(root).mafl_testing == tuple(MAFL_TESTING)


def test_one_error_names_everything_that_is_missing(tmp_path):
    with pytest.raises(DataError) as caught:
        celeb_a.read_tables(tmp_path)
    for name in (
        "list_landmarks_align_celeba.txt",
        "list_eval_partition.txt",
        "identity_CelebA.txt",
        "training.txt",
        "testing.txt",
    ):
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(DataError, match="img_align_celeba\n"):
        celeb_a.open_pictures(tmp_path, NAMES)


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("list_landmarks_align_celeba.txt", "60\n", "61\n", "announces '61' pictures, 60 follow"),
        ("list_landmarks_align_celeba.txt", "000002.jpg  ", "000002.jpg x", "line 4.*non-number"),
        ("list_landmarks_align_celeba.txt", "000002.jpg ", "000002.jpg 1 ", "line 4 is"),
        ("list_eval_partition.txt", "000007.jpg 0\n", "", "no line for 000007.jpg"),
        ("list_eval_partition.txt", "000007.jpg", "000006.jpg", "line 7 is '000006.jpg 0'"),
        ("identity_CelebA.txt", "000003.jpg 0", "000003.jpg", "line 3 is '000003.jpg'"),
        ("MAFL/testing.txt", NAMES[35], NAMES[12], "000013.jpg is in both"),
        ("MAFL/testing.txt", NAMES[35], "999999.jpg", "999999.jpg of MAFL is not in"),
        ("MAFL/testing.txt", "\n".join(MAFL_TESTING) + "\n", "", "testing.txt one"),
    ],
)
def test_a_faulty_list_is_refused_by_file_and_line(root, file, old, new, named):
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=named):
        celeb_a.read_tables(root)


def test_an_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match="split is 'test'"):
        celeb_a.split_names(celeb_a.read_tables(root), "test")


def test_keypoints_lie_in_the_frame_of_the_protocol(complete):
    tables = celeb_a.read_tables(complete)
    pictures = celeb_a.open_pictures(complete, celeb_a.split_names(tables, "mafl_test"))
    examples = celeb_a.load_labelled_pictures(pictures, tables, size=128)
    assert (examples.names, examples.images.shape) == (tuple(MAFL_TESTING), (4, 128, 128, 3))
    original = tables.keypoints_px[35:39]
    expected = (original + 0.5) * [160 / 178, 160 / 218] - 0.5 - 16
    np.testing.assert_allclose(examples.keypoints_px, expected, rtol=1e-4, atol=1e-4)
    # x is stretched by 218/178 = 1.2247 against y; the central square is isotropic.
    isotropic = celeb_a.load_labelled_pictures(
        celeb_a.open_pictures(complete, MAFL_TESTING, crop="centre"), tables, size=178
    )
    np.testing.assert_allclose(isotropic.keypoints_px, original - [0, 20], atol=1e-3)


def test_a_missing_labelled_picture_is_an_error(complete):
    tables = celeb_a.read_tables(complete)
    tables = replace(tables, names=(*tables.names[:-1], "000099.jpg"))
    pictures = celeb_a.open_pictures(complete, [NAMES[0], "000099.jpg"])
    with pytest.raises(DataError, match="000099.jpg: no such file"):
        celeb_a.load_labelled_pictures(pictures, tables, size=16)


def test_the_tfds_records_are_the_pictures_of_the_folder(complete, tmp_path, monkeypatch):
    from data_pipelines import celeb_a_tfds

    tables = celeb_a.read_tables(complete)
    _trust(monkeypatch, complete)
    archive = celeb_a_tfds.open_archive(complete, tables, prepared=tmp_path)
    names = celeb_a.split_names(tables, "train")
    folder, records = celeb_a.open_pictures(complete, names), archive.select(names)
    for index in range(len(names)):
        assert records.encoded(index) == folder.encoded(index)
    image, frame = records.read(5, size=32)
    np.testing.assert_array_equal(image, folder.read(5, size=32)[0])
    assert frame == folder.read(5, size=32)[1]
    options = {"size": 32, "batch_size": 8, "seed": 0}
    batch, other = next(tf_stream(records, **options)), next(tf_stream(folder, **options))
    np.testing.assert_array_equal(batch["source"], other["source"])
    test_faces = archive.select(celeb_a.split_names(tables, "mafl_test"))
    examples = celeb_a.load_labelled_pictures(test_faces, tables, size=32)
    assert examples.names == tuple(MAFL_TESTING)
    next(memory_stream(examples.images, batch_size=2, seed=0))
    with pytest.raises(DataError, match="does not belong to these lists"):
        celeb_a_tfds.open_archive(
            complete, replace(tables, identity=tables.identity + 1), prepared=tmp_path
        )


def test_tfds_refuses_missing_and_foreign_archives_without_a_download(complete, tmp_path):
    from data_pipelines import celeb_a_tfds

    tables = celeb_a.read_tables(complete)
    with pytest.raises(DataError, match=r"(?s)img_align_celeba.zip.*list_attr_celeba.txt"):
        celeb_a_tfds.open_archive(tmp_path / "nowhere", tables, prepared=tmp_path / "a")
    said = f"{complete}/.*[.](txt|zip) is not the published one, by its checksum"
    with pytest.raises(DataError, match=said):
        celeb_a_tfds.open_archive(complete, tables, prepared=tmp_path / "b")


def _trust(monkeypatch, root):
    """Registers the checksums of the generated files as those of the published ones."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import checksums

    infos = tfds.builder_cls("celeb_a").url_infos
    for url, info in list(infos.items()):
        monkeypatch.setitem(infos, url, checksums.compute_url_info(root / info.filename))
