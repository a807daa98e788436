"""`python -m experiments.c3_faces`: C3 landmarks from photos without labels."""

from experiments.c3_faces.recipe import RECIPE
from experiments.recipe import train

if __name__ == "__main__":
    train(RECIPE)
