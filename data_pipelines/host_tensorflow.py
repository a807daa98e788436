"""TensorFlow for reading data: on the host only, so that accelerators stay with the training step.

Modules that a tf.data source is chosen for take `tf` from here.
"""

import os

from c3jax.files.errors import DataError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # drops the notes of its start, not warnings
try:
    import tensorflow as tf
except ImportError as error:
    raise DataError(
        f"this data source needs TensorFlow ({error}): install it, or load the pictures into memory"
    ) from error

tf.config.set_visible_devices([], "GPU")

__all__ = ["tf"]
