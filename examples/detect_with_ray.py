"""Landmarks of a collection that outgrows a machine, with Ray Data: JSON lines, a file per block.

    pip install ".[tools]" "ray[data]"
    python examples/detect_with_ray.py EXPORT PHOTOS OUT [WORKERS]

Each worker loads the model once. A worker that dies is started again, with the photos that it had.
A photo that cannot be read has its reason in place of landmarks.
"""

import sys
from pathlib import Path

import numpy as np
import ray

BATCH = 16


class Detector:
    """Names of photos below a folder -> their landmarks, in pixels of the upright originals."""

    def __init__(self, model: str, folder: str):
        from c3jax import inference  # in the worker

        self.model, self.folder = inference.load(model), Path(folder)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list]:
        from c3jax.files.pictures import PictureError, read_picture

        names, images, reasons = batch["item"].tolist(), [], []
        for name in names:
            try:
                images.append(read_picture(self.folder / name))
                reasons.append(None)
            except PictureError as error:
                reasons.append(error.reason)
        found = iter(zip(images, self.model.find(images).landmarks, strict=True))
        points = [None if reason else in_pixels(*next(found)) for reason in reasons]
        return {"image": names, "landmarks_px": points, "left_out": reasons}


def in_pixels(image: np.ndarray, points: np.ndarray) -> list[list[float]]:
    """Points `[K, 2]` in [-1, 1] of a picture, in its pixels."""
    last = np.array(image.shape[1::-1]) - 1
    return ((points + 1) / 2 * last).round(3).tolist()


def main(model: str, folder: str, out: str, workers: str = "2") -> None:
    from c3jax.files.folder import find_pictures

    folder, out = (str(Path(path).resolve()) for path in (folder, out))
    found = ray.data.from_items(find_pictures(Path(folder))).map_batches(
        Detector,
        fn_constructor_args=(str(Path(model).resolve()), folder),
        batch_size=BATCH,
        compute=ray.data.ActorPoolStrategy(size=int(workers)),
    )
    found.write_json(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
