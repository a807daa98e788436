"""`python -m experiments.c3_faces`: C3 landmarks from photos without labels."""

import functools

from experiments.c3_faces.command import train
from experiments.c3_faces.config import EXPERIMENT
from experiments.engine import cli

main = functools.partial(train, EXPERIMENT)

if __name__ == "__main__":
    cli.guarded(main)
