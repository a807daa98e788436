"""`python -m experiments.fit_keypoints`: `c3jax fit-keypoints` of runs and their steps, too."""

import functools

from c3jax.tools import fit_keypoints
from experiments.engine import cli
from experiments.registry import load_detector

main = functools.partial(
    fit_keypoints.main,
    load_detector,
    prog="python -m experiments.fit_keypoints",
    detect="python -m experiments.detect",
)

if __name__ == "__main__":
    cli.guarded(main)
