"""`python -m experiments.imm_faces`: the baseline, landmarks by IMM."""

import functools

from experiments.c3_faces.command import train
from experiments.engine import cli
from experiments.imm_faces.config import EXPERIMENT

main = functools.partial(train, EXPERIMENT)

if __name__ == "__main__":
    cli.guarded(main)
