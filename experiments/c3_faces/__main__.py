"""`python -m experiments.c3_faces`: C3 landmarks from photos without labels."""

import functools

from experiments.c3_faces.recipe import RECIPE
from experiments.engine import cli
from experiments.recipe import train

main = functools.partial(train, RECIPE)

if __name__ == "__main__":
    cli.guarded(main)
