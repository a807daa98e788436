"""`python -m experiments.detect`: `c3jax detect` of runs and their steps, too."""

import functools

from c3jax.tools import detect
from experiments.engine import cli
from experiments.registry import load_detector

main = functools.partial(detect.main, load_detector, prog="python -m experiments.detect")

if __name__ == "__main__":
    cli.guarded(main, smaller="--max-megapixels")
