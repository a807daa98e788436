"""`python -m experiments.imm_faces`: the baseline, landmarks by IMM."""

import functools

from experiments.engine import cli
from experiments.imm_faces.recipe import RECIPE
from experiments.recipe import train

main = functools.partial(train, RECIPE)

if __name__ == "__main__":
    cli.guarded(main)
