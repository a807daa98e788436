"""Evaluation on faces: the landmark error of C3's protocol, and what both networks agree on."""

import functools

import numpy as np

from experiments.common.data import Data
from experiments.jlad.evaluation import (
    Trained,
    compute_features,
    compute_fields,
    compute_landmarks,
)
from experiments.measure.consistency import Found, Pairs, measure_consistency
from experiments.measure.evaluation import evaluate_landmarks


def evaluate_faces(trained: Trained, untrained: Trained, data: Data) -> dict:
    """A row of the table: `consistency`, and `landmarks` where there are annotations."""
    finder, before = (functools.partial(find, each) for each in (trained, untrained))
    row = {"consistency": measure_consistency(finder, before, data)}
    if data.fit is not None and data.test is not None:
        row["landmarks"] = evaluate_landmarks(
            functools.partial(compute_landmarks, trained),
            functools.partial(compute_landmarks, untrained),
            data.fit,
            data.test,
            data.validation,
        )
    return row


def find(trained: Trained, images: np.ndarray, pairs: Pairs) -> Found:
    """Landmarks of uint8 images, and tau of pairs of them."""
    fields = compute_fields(trained, compute_features(trained, images), pairs)
    return Found(compute_landmarks(trained, images), fields.on_source)
