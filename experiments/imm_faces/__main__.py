"""`python -m experiments.imm_faces`: the baseline, landmarks by IMM."""

from experiments.imm_faces.recipe import RECIPE
from experiments.recipe import train

if __name__ == "__main__":
    train(RECIPE)
