"""Every source gives the same pairs in the same order, from any step, on any process."""

import functools
import os
import subprocess
import sys
import time
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from c3jax.files.errors import DataError
from c3jax.files.folder import find_folder, load_folder
from c3jax.files.pictures import PictureError
from c3jax.files.sources import OnDisk, Pictures
from data_pipelines.sampling import pair_indices
from data_pipelines.streams import stream
from tests.data_pipelines.conftest import bad_files, encode, good_files, smooth_picture

SIZE = 24
OPTIONS = {"batch_size": 6, "seed": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Plain JPEGs of three shapes, one grey, among every other kind of picture, and boxes."""
    root = tmp_path_factory.mktemp("folder")
    for name, content in good_files().items():
        (root / name).write_bytes(content)
    for index, shape in enumerate([(61, 40), (40, 61), (33, 33), (500, 90)]):
        image = Image.fromarray(smooth_picture(*shape, seed=index))
        (root / f"plain{index}.jpg").write_bytes(encode(image, "JPEG", quality=90))
    (root / "boxes.csv").write_text("image,x0,y0,x1,y1\nplain2.jpg,2,3,20,17\n")
    return root


def _assert_equal(batches, others, *, atol=0):
    for batch, other in zip(batches, others, strict=True):
        assert batch.keys() == other.keys() == {"source", "target"}
        for side in batch:
            assert batch[side].dtype == other[side].dtype == np.uint8
            np.testing.assert_allclose(batch[side].astype(int), other[side].astype(int), atol=atol)


def test_the_listed_stream_shows_each_pair_once_an_epoch_with_its_category():
    images = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    pairs, categories = np.array([[0, 1], [2, 3], [4, 5], [6, 0]]), np.array([3, 1, 4, 1])
    listed = {"pairs": pairs, "categories": categories, "seed": 0}
    seen = []
    for batch in islice(stream(images, **listed, batch_size=2), 2):
        for source, target, category in zip(*batch.values(), strict=True):
            seen.append((int(source[0, 0, 0]), int(target[0, 0, 0]), int(category)))
    assert sorted(seen) == [(0, 1, 3), (2, 3, 1), (4, 5, 4), (6, 0, 1)]
    later = next(stream(images, **listed, batch_size=2, start_step=1))
    assert [int(s[0, 0, 0]) for s in later["source"]] == [source for source, *_ in seen[2:]]
    with pytest.raises(ValueError, match="batch_size is 0"):
        stream(images, **listed, batch_size=0)


def test_the_memory_stream_shows_the_pictures_of_the_pairs_and_masks_of_the_sources():
    images = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    batch = next(stream(images, masks=images[..., 0] % 2 == 1, **OPTIONS))
    np.testing.assert_array_equal(batch["mask"], batch["source"][..., 0] % 2 == 1)
    for step, batch in enumerate(islice(stream(images, **OPTIONS), 4)):
        assert "mask" not in batch
        source, target = pair_indices(step, num_examples=7, **OPTIONS)
        np.testing.assert_array_equal(batch["source"], images[source])
        np.testing.assert_array_equal(batch["target"], images[target])


@pytest.mark.parametrize("crop", ["centre", "centre_inner", "pad", "squash", "squash_inner"])
def test_the_tf_stream_gives_the_examples_of_the_memory_stream(folder, crop):
    boxes = folder / "boxes.csv"
    files = find_folder(folder, crop=crop, boxes=boxes, margin=0.1)
    examples = load_folder(files, size=SIZE)
    assert len(files.names) == len(examples) == 19
    # Two epochs; the resizers round at different places, hence one grey level.
    expected = islice(stream(examples.images, **OPTIONS), 7)
    _assert_equal(islice(stream(OnDisk(files, SIZE), **OPTIONS), 7), expected, atol=1)


def _memory(folder, **options):
    return stream(load_folder(find_folder(folder), size=SIZE).images, **OPTIONS, **options)


def _tf(folder, **options):
    return stream(OnDisk(find_folder(folder), SIZE), **OPTIONS, **options)


def test_plain_jpegs_never_enter_python(folder, monkeypatch):
    def read(self, index, *, size):
        asked.add(self.names[index])
        return np.zeros((size, size, 3), np.uint8), None

    asked = set()
    monkeypatch.setattr(Pictures, "read", read)
    files = find_folder(folder, boxes=folder / "boxes.csv")
    list(islice(stream(OnDisk(files, SIZE), **OPTIONS), 4))  # an epoch and more
    in_tensorflow = set(files.names) - asked
    plain = {f"plain{index}.jpg" for index in (0, 1, 3)}  # the third has a box
    assert in_tensorflow == plain | {"rgb.jpg", "grey.jpg", "progressive.jpg"}


@pytest.mark.parametrize("streamed", [_memory, _tf])
def test_a_stream_resumes_at_any_step(folder, streamed):
    whole = islice(streamed(folder), 3, 8)
    _assert_equal(islice(streamed(folder, start_step=3), 5), whole)


@pytest.mark.parametrize("shard_count", [1, 2, 4])
def test_any_number_of_processes_sees_the_same_examples_in_the_same_order(folder, shard_count):
    images = np.arange(11, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    pairs = np.stack([np.arange(9), np.arange(9) + 2], -1)
    listed = {"pairs": pairs, "categories": np.arange(9)}
    files = OnDisk(find_folder(folder), SIZE)
    for given, more in ((images, {}), (images, listed), (files, {})):
        part_of = functools.partial(stream, given, batch_size=8, seed=5, start_step=2, **more)
        parts = [
            islice(part_of(shard_index=index, shard_count=shard_count), 5)
            for index in range(shard_count)
        ]
        for whole, *shards in zip(part_of(), *parts, strict=False):
            for name, values in whole.items():
                joined = np.concatenate([part[name] for part in shards])
                np.testing.assert_array_equal(joined, values)
                assert len({len(part[name]) for part in shards}) == 1


def test_the_number_of_threads_changes_nothing(folder):
    _assert_equal(islice(_tf(folder, workers=1), 4), islice(_tf(folder, workers=4), 4))


@pytest.mark.parametrize("streamed", [_memory, _tf])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"start_step": -1}, "step is -1"),
        ({"shard_count": 4}, "does not divide"),
        ({"shard_index": 1}, "shard_index is 1"),
    ],
)
def test_bad_arguments_are_refused_at_once(folder, streamed, change, named):
    with pytest.raises(ValueError, match=named):
        streamed(folder, **change)


@pytest.mark.parametrize("name", ["empty.jpg", "page.jpg", "half.jpg", "one_pixel.png"])
def test_a_picture_that_breaks_in_the_middle_is_named(tmp_path, name):
    content, named = bad_files()[name]
    for other in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / other).write_bytes(good_files()["rgb.jpg"])
    batches = stream(OnDisk(find_folder(tmp_path), SIZE), batch_size=3, seed=0, workers=1)
    next(batches)
    (tmp_path / "b.jpg").write_bytes(content)
    with pytest.raises(PictureError, match=rf"b.jpg: .*{named}"):
        list(islice(batches, 30))


def test_folders_in_memory_need_no_tensorflow():
    program = (
        "import sys, data_pipelines.load;"
        "assert not {'tensorflow', 'tensorflow_datasets', 'jax', 'flax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_missing_tensorflow_is_explained(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for module in ("tf_pictures", "host_tensorflow"):
        monkeypatch.delitem(sys.modules, f"data_pipelines.{module}", raising=False)
    with pytest.raises(DataError, match="needs TensorFlow .*load the pictures into memory"):
        _tf(folder)


@pytest.mark.slow
def test_a_core_reads_hundreds_of_celeba_pictures_a_second(tmp_path):
    """`pytest -s -m slow` prints how many."""
    for index in range(200):
        picture = Image.fromarray(smooth_picture(218, 178, seed=index))
        picture.save(tmp_path / f"{index:06d}.jpg", quality=90)
    files = find_folder(tmp_path, crop="squash_inner")
    batches = stream(OnDisk(files, 128), batch_size=50, seed=0, workers=1)
    list(islice(batches, 5))  # past the start
    wall, busy = time.perf_counter(), time.process_time()
    num_images = sum(len(batch["source"]) + len(batch["target"]) for batch in islice(batches, 50))
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    print(f"\n{num_images / wall:.0f} images/s by the clock, {num_images / busy:.0f} a core-second")
    assert num_images / busy > 500


@pytest.mark.skipif(os.name != "posix", reason="names are Unicode elsewhere")
def test_names_that_are_not_utf_8_are_streamed(tmp_path):
    jfif = encode(Image.fromarray(smooth_picture()), "JPEG")
    for name in (b"caf\xe9.jpg", b"b.jpg"):
        (tmp_path / os.fsdecode(name)).write_bytes(jfif)
    batch = next(stream(OnDisk(find_folder(tmp_path), SIZE), batch_size=1, seed=0))
    assert batch["source"].any() and batch["target"].any()
