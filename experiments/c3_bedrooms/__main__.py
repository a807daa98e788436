"""`python -m experiments.c3_bedrooms`: C3 landmarks of bedrooms, from photos without labels."""

from experiments.c3_bedrooms.recipe import RECIPE
from experiments.recipe import train

if __name__ == "__main__":
    train(RECIPE)
