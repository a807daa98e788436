"""`python -m experiments.align`: `c3jax align` of runs, and with weights of the hub, too."""

import functools

from c3jax.tools import align
from experiments.engine import cli
from experiments.engine.networks import find_file
from experiments.registry import load_aligner

main = functools.partial(align.main, load_aligner, find_file, prog="python -m experiments.align")

if __name__ == "__main__":
    cli.guarded(main, smaller="--image-size")
