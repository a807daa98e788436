"""`python -m experiments.jlad`: landmarks and alignment that teach each other."""

from experiments.jlad.recipe import RECIPE
from experiments.recipe import train

if __name__ == "__main__":
    train(RECIPE)
