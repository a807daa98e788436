"""`python -m experiments.c3_bedrooms`: C3 landmarks of bedrooms, from photos without labels."""

import functools

from experiments.c3_bedrooms.recipe import RECIPE
from experiments.engine import cli
from experiments.recipe import train

main = functools.partial(train, RECIPE)

if __name__ == "__main__":
    cli.guarded(main)
