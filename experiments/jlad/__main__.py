"""`python -m experiments.jlad`: landmarks and alignment that teach each other."""

import functools

from experiments.engine import cli
from experiments.jlad.recipe import RECIPE
from experiments.recipe import train

main = functools.partial(train, RECIPE)

if __name__ == "__main__":
    cli.guarded(main)
