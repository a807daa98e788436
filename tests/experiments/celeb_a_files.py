"""A small CelebA in the published layout, and ImageNet weights in torchvision's, for tests."""

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from PIL import Image

from c3jax.weights import torchvision_key

POINTS = "lefteye righteye nose leftmouth rightmouth".split()
# Left eye, right eye, nose, mouth corners: about where they lie in the 178x218 pictures.
MEAN_SHAPE = np.array([[70, 111], [108, 111], [89, 135], [73, 152], [105, 152]])


def write_celeb_a(root, *, num=40, mafl_training=20, mafl_testing=4, pictures=True):
    """The five lists, and `num` pictures with a dark dot at each keypoint; returns keypoints.

    The first `num - 8` pictures are the training partition; MAFL's training list are the first
    ones, its test list those that follow.
    """
    rng = np.random.default_rng(0)
    names = [f"{index:06d}.jpg" for index in range(1, num + 1)]
    keypoints = MEAN_SHAPE + rng.integers(-6, 7, (num, 1, 2)) + rng.integers(-3, 4, (num, 5, 2))
    heading = " ".join(f"{point}_{axis}" for point in POINTS for axis in "xy")
    rows = [
        f"{name} {' '.join(map(str, points.ravel()))}"
        for name, points in zip(names, keypoints, strict=True)
    ]
    (root / "MAFL").mkdir(parents=True)
    for file, lines in {
        "list_landmarks_align_celeba.txt": [str(num), heading, *rows],
        "list_eval_partition.txt": [f"{n} {2 * (i >= num - 8)}" for i, n in enumerate(names)],
        "identity_CelebA.txt": [f"{name} {index // 3}" for index, name in enumerate(names)],
        "MAFL/training.txt": names[:mafl_training],
        "MAFL/testing.txt": names[mafl_training : mafl_training + mafl_testing],
    }.items():
        (root / file).write_text("\n".join(lines) + "\n")
    if pictures:
        (root / "img_align_celeba").mkdir()
        for name, points in zip(names, keypoints, strict=True):
            _face(points, rng).save(root / "img_align_celeba" / name, quality=90)
    return keypoints


def _face(points, rng):
    image = np.full((218, 178, 3), rng.integers(120, 220, 3), np.uint8)
    for x, y in points:
        image[y - 3 : y + 4, x - 3 : x + 4] = 20
    return Image.fromarray(image)


def write_random_weights(path, network):
    """Random weights of an ImageNet network, as an .npz with torchvision's keys and shapes."""
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    shapes = flatten_dict(jax.eval_shape(network.init, jax.random.key(0), images))
    rng = np.random.default_rng(0)

    def draw(name, shape):
        if name == "kernel":
            gain = np.sqrt(2 / np.prod(shape[:-1]), dtype=np.float32)
            values = gain * rng.standard_normal(shape, np.float32)
            return values.transpose((3, 2, 0, 1) if len(shape) == 4 else (1, 0))
        return np.full(shape, float(name in ("scale", "var")), np.float32)

    arrays = {torchvision_key(p): draw(p[-1], leaf.shape) for p, leaf in shapes.items()}
    np.savez(path, **arrays)
