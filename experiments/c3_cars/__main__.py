"""`python -m experiments.c3_cars`: C3 landmarks of cars, from photos without labels."""

import functools

from experiments.c3_cars.recipe import RECIPE
from experiments.engine import cli
from experiments.recipe import train

main = functools.partial(train, RECIPE)

if __name__ == "__main__":
    cli.guarded(main)
