"""Models as StableHLO programs, which JAX runs without c3jax.

    program = jax.export.deserialize(bytearray(open("landmarks.stablehlo", "rb").read()))
    found = program.call(image)  # {"landmarks": [1, K, 2], "spread_percent": [1, K]}

A program takes one picture, or one source and one target, as squares of the size that it was made
for, float32 `[1, S, S, 3]` in [0, 1]; `program.in_avals` has their shape. Points are (x, y) in
[-1, 1] of the square.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import export

from c3jax._checks import check_choice
from c3jax.inference.alignment_model import AlignmentModel
from c3jax.inference.files import DTYPES, cast, replace_file
from c3jax.inference.landmark_model import LandmarkModel, locate

LANDMARKS, MATCHES = "landmarks.stablehlo", "matches.stablehlo"
PLATFORMS = ("cpu", "cuda", "tpu")


def save_program(
    path: str | Path, model: LandmarkModel | AlignmentModel, *, dtype: str = "float16"
) -> None:
    """Writes a model as a program for CPUs, NVIDIA's GPUs and TPUs.

    A detector's gives `landmarks` and `spread_percent`, see `Found`; an aligner's the fields of
    `Read` that are not None.

    Args:
      path: the file.
      model: what is written.
      dtype: 'float16' or 'float32', of the numbers in the file; it computes in float32.

    Raises:
      ValueError: another dtype, variables that are not finite in it, or no package flatbuffers.
    """
    check_choice("dtype", dtype, DTYPES)
    if importlib.util.find_spec("flatbuffers") is None:
        raise ValueError("a program needs the package flatbuffers; run pip install flatbuffers")
    flat = flatten_dict(model.variables, sep="/")
    stored = {name: cast(name, array, dtype) for name, array in flat.items()}

    def run(*images):
        variables = {name: jnp.asarray(array, jnp.float32) for name, array in stored.items()}
        return _find(replace(model, variables=unflatten_dict(variables, sep="/")), images)

    size = model.image_size
    image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    images = [image] * (1 if isinstance(model, LandmarkModel) else 2)
    program = export.export(jax.jit(run), platforms=PLATFORMS)(*images)
    replace_file(Path(path).expanduser(), bytes(program.serialize()))


def _find(model: LandmarkModel | AlignmentModel, images) -> dict[str, jax.Array]:
    if isinstance(model, AlignmentModel):
        read = model.match(*images)._asdict()
        return {name: array for name, array in read.items() if array is not None}
    landmarks, spread_percent, _ = locate(model.network, model.variables, *images)
    return {"landmarks": landmarks, "spread_percent": spread_percent}
