"""The examples run, and what they show is so."""

import runpy
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_loss_falls_in_the_plain_loop():
    history = runpy.run_path(str(EXAMPLES / "use_losses.py"))["train"](steps=40)
    assert np.isfinite(history).all()
    assert np.mean(history[-10:]) < 0.8 * np.mean(history[:10])
