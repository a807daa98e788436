"""How fast tf.data reads CelebA-like pictures; `pytest -s -m slow` prints it."""

import time
from itertools import islice

import pytest
from PIL import Image

from data_pipelines.folder import find_folder
from data_pipelines.streams import tf_stream
from tests.data_pipelines.conftest import smooth_picture


@pytest.mark.slow
def test_a_core_reads_hundreds_of_celeba_pictures_a_second(tmp_path):
    for index in range(200):
        picture = Image.fromarray(smooth_picture(218, 178, seed=index))
        picture.save(tmp_path / f"{index:06d}.jpg", quality=90)
    files = find_folder(tmp_path, crop="squash_inner")
    stream = tf_stream(files, size=128, batch_size=50, seed=0, workers=1)
    list(islice(stream, 5))  # past the start
    wall, busy = time.perf_counter(), time.process_time()
    num_images = sum(len(batch["source"]) + len(batch["target"]) for batch in islice(stream, 50))
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    print(f"\n{num_images / wall:.0f} images/s by the clock, {num_images / busy:.0f} a core-second")
    assert num_images / busy > 500
