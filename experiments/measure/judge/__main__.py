"""`python -m experiments.measure.judge`: trains the judge of rendered faces, with their key points.

Half of the pictures are blurred, all get other colours and noise, so that the judge is at home in
decoded pictures too, of which it sees none.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from c3jax.colors import random_colors
from c3jax.models.layers import resize
from c3jax.tools.measure.units import normalized
from data_pipelines.rendered.faces import load_arrays
from experiments.measure.judge import JUDGED, SIDE, Judge, judged_points, save
from experiments.terms.synthetic_pairs import as_float

NAME, BATCH = "rendered_faces", 64
BLURRED = (16, 24, 32)  # cells on a side of a blurred picture


def train(steps: int = 4000, pictures: int = 8000, seed: int = 0) -> None:
    """Trains the judge of rendered faces on pictures of the training split.

    Args:
      steps: of 64 pictures each.
      pictures: to train on.
      seed: of weights, order and changes.
    """
    images, points = read("train", pictures)
    network = Judge(JUDGED[NAME])
    optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, steps))
    variables = jax.jit(network.init)(jax.random.key(seed), jnp.zeros((1, SIDE, SIDE, 3)))
    state = optimizer.init(variables["params"])

    def loss_of(params, batch_stats, seen, true):
        found, updated = network.apply(
            {"params": params, "batch_stats": batch_stats}, seen, train=True, mutable="batch_stats"
        )
        return jnp.sqrt(jnp.square(found - true).sum(-1) + 1e-6).mean(), updated["batch_stats"]

    @jax.jit
    def step(variables, state, key, batch, true):
        seen = jax.vmap(changed)(jax.random.split(key, BATCH), as_float(batch))
        gradient = jax.value_and_grad(loss_of, has_aux=True)
        (loss, stats), found = gradient(variables["params"], variables["batch_stats"], seen, true)
        updates, state = optimizer.update(found, state)
        params = optax.apply_updates(variables["params"], updates)
        return {"params": params, "batch_stats": stats}, state, loss

    rng = np.random.default_rng(seed)
    for number, key in enumerate(jax.random.split(jax.random.key(seed + 1), steps)):
        rows = rng.integers(len(images), size=BATCH)
        variables, state, loss = step(variables, state, key, images[rows], points[rows])
        if number % 200 == 199:
            print(
                f"{number + 1}/{steps} distance {float(loss) * (SIDE - 1) / 2:.2f} px", flush=True
            )
    save(NAME, variables)
    tested, true = read("validation", 1000)
    error = np.linalg.norm(judged_points(NAME, tested / np.float32(255)) - true, axis=-1)
    print(f"validation: {error.mean() * (SIDE - 1) / 2:.2f} px")


def read(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, and their key points in [-1, 1]."""
    found = load_arrays(split, count, size=SIDE, fields=("image", "keypoints"), cache_dir="data")
    return found["image"], normalized(found["keypoints"], (SIDE, SIDE))


def changed(key, image):
    """The picture in other colours, with noise, and perhaps blurred."""
    color_key, blur_key, noise_key = jax.random.split(key, 3)
    image = random_colors(color_key, image, strength=0.4)
    blurred = [image] * len(BLURRED)
    blurred += [resize(resize(image[None], (n, n)), image.shape[:2])[0] for n in BLURRED]
    image = jnp.stack(blurred)[jax.random.randint(blur_key, (), 0, len(blurred))]
    return image + 0.03 * jax.random.normal(noise_key, image.shape)


if __name__ == "__main__":
    tyro.cli(train)
