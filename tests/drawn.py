"""Variables drawn by NumPy: XLA compiles its own draws slowly."""

import jax
import numpy as np


def draw(network, *inputs, stddev=0.3, **options):
    """Variables of the network's shapes: normal, and positive where they scale."""
    generator = np.random.default_rng(0)

    def leaf_of(path, leaf):
        if path[-1].key in ("kernel", "bias", "mean"):
            return generator.normal(0, stddev, leaf.shape).astype(np.float32)
        return generator.uniform(0.5, 1.5, leaf.shape).astype(np.float32)

    shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs, **options)
    return jax.tree_util.tree_map_with_path(leaf_of, shapes)
