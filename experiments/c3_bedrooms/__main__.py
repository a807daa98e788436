"""`python -m experiments.c3_bedrooms`: C3 landmarks of bedrooms, from photos without labels."""

import functools

from experiments.c3_bedrooms.config import EXPERIMENT
from experiments.c3_faces.command import train
from experiments.engine import cli

main = functools.partial(train, EXPERIMENT)

if __name__ == "__main__":
    cli.guarded(main)
