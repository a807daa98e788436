"""`python -m experiments.c3_cars`: C3 landmarks of cars, from photos without labels."""

from experiments.c3_cars.recipe import RECIPE
from experiments.recipe import train

if __name__ == "__main__":
    train(RECIPE)
