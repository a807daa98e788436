"""Trained networks as files, and what they find in pictures of any size.

A model is a folder with `model.safetensors`, the variables by their path, as
`params/pose_logits/bias`, in float16 or float32, and `config.json`:

    format      version of this layout, 2; 1, which has no trunk_file, is read too
    model       what `c3jax.models.families.from_config` builds the network from
    image_size  side of the square that the network looks at, in pixels
    crop        landmarks: how a picture becomes that square, one of `CROPS`
    resize      matches: how a whole picture becomes that square, one of `RESIZES`
    reading     matches of an aligner: how they are read from the correlation, as `Reading` has it
    trained_on  what the network was trained on: any JSON, for people
    trunk_file  where the trunk was left as a package has it: the package, its file and the file's
                sha256; its variables are not in model.safetensors
    sha256      of `model.safetensors`
    calibration where it was fitted: knots that tell how sure landmarks and matches are, and the
                sha256 of `object.safetensors`, by which a picture without such an object is told

Needs the library alone, no TensorFlow, Optax or Orbax:

    model = c3jax.inference.load("runs/c3_faces/NAME/export")
    points = model.landmarks(images)  # uint8 [n, H, W, 3] -> [n, K, 2] in [-1, 1]
    found = model.find(images)  # the same points beside spread, confidence, and object or not

    aligner = c3jax.inference.load_aligner("runs/semantic_alignment/NAME/export")
    matches = aligner.align(source, target)  # uint8 [H, W, 3] each, of any sizes
    matches.carry([[120, 80]])  # source pixels -> target pixels [[x, y]]

    save_program("landmarks.stablehlo", model)  # for JAX and flatbuffers, without c3jax

A model of JLAD is both: `load` gives its landmarks, `load_aligner` its matches, which have a sigma.
"""

from c3jax.inference.alignment_model import (
    AlignmentModel,
    Reading,
    gaussian_aligner,
    load_aligner,
)
from c3jax.inference.calibration import Calibration
from c3jax.inference.files import CONFIG, SHIPPED, WEIGHTS, save
from c3jax.inference.framing import CROPS, RESIZES, bilinear, crop_region, resample, squash
from c3jax.inference.landmark_model import Found, LandmarkModel, load
from c3jax.inference.matches import Matches
from c3jax.inference.stablehlo import save_program

__all__ = [
    "CONFIG",
    "CROPS",
    "RESIZES",
    "SHIPPED",
    "WEIGHTS",
    "AlignmentModel",
    "Calibration",
    "Found",
    "LandmarkModel",
    "Matches",
    "Reading",
    "bilinear",
    "crop_region",
    "gaussian_aligner",
    "load",
    "load_aligner",
    "resample",
    "save",
    "save_program",
    "squash",
]
