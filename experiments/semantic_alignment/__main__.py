"""`python -m experiments.semantic_alignment`: dense matches between different objects."""

from experiments.recipe import train
from experiments.semantic_alignment.recipe import RECIPE

if __name__ == "__main__":
    train(RECIPE)
