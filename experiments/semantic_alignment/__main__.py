"""`python -m experiments.semantic_alignment`: dense matches between different objects."""

import functools

from experiments.engine import cli
from experiments.recipe import train
from experiments.semantic_alignment.recipe import RECIPE

main = functools.partial(train, RECIPE)

if __name__ == "__main__":
    cli.guarded(main)
