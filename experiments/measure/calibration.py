"""What is fitted after training, on pictures that were not trained on: how sure a model is."""

from pathlib import Path
from typing import Any

import numpy as np

from c3jax.confidence import Familiar, Isotonic, fit_familiar, fit_isotonic
from c3jax.coordinates import numpy_grid
from c3jax.inference import AlignmentModel, LandmarkModel
from c3jax.inference.batches import in_batches
from c3jax.inference.calibration import Calibration, read_calibration, write_calibration
from c3jax.tools.measure.networks import apply_in_batches
from data_pipelines.load import FEWEST, AlignmentData, Data
from data_pipelines.load.chosen import kept_back, known_pictures, spread_out
from experiments.engine import runs
from experiments.measure.self_check import carry, fixed_warps, is_inside, look

FILE = "calibration.json"  # in the folder of a run; which step it is of, and what was fitted
MATCHED = 16  # pictures at most, for matches
NEAR, NEAR_MATCH = 5.0, 10.0  # percent of the side
VIEWS, ERASED = 8, 0.4  # of a picture; side of the erased patch


def calibrate(trained: Any, data: Data | AlignmentData, folder: Path) -> None:
    """Fits the calibration of a `recipe.Trained` and writes it into the folder of its run."""
    makers = (trained.model.landmarks, trained.model.match)
    detector, aligner = (make and make(trained) for make in makers)
    kept = kept_back(data)
    found = fit_calibration(detector, aligner, kept, known_pictures(data))
    told = "none, as no picture was kept back from the training"
    if kept is not None:
        told = f"fitted on {len(kept)} pictures that were not trained on"
    print(f"confidence: {told}", flush=True)
    runs.write_json(folder / FILE, {"step": trained.step, **write_calibration(folder, found)})


def calibration_of(folder: Path, step: int) -> Calibration:
    """The calibration of a run at a step; empty for another step, and for an older run."""
    file = folder / FILE
    field = runs.read_json(file) if file.exists() else {}
    return read_calibration(folder, field) if field.get("step") == step else Calibration()


def fit_calibration(
    detector: LandmarkModel | None,
    aligner: AlignmentModel | None,
    kept: np.ndarray | None,
    known: np.ndarray,
) -> Calibration:
    """The calibration of models, from pictures of the size that they look at.

    Args:
      detector, aligner: what finds landmarks and what matches pictures, where there are such.
      kept: pictures that were not trained on, uint8 `[n, S, S, 3]`; None if there are none.
      known: training pictures.
    """
    return Calibration(
        landmarks=fit_landmarks(detector, kept) if detector and kept is not None else None,
        matches=fit_matches(aligner, kept) if aligner and kept is not None else None,
        object=fit_object(detector, known) if detector and len(known) >= FEWEST else None,
    )


def fit_landmarks(model: LandmarkModel, images: np.ndarray) -> Isotonic | None:
    """From spread in percent to the probability that a landmark follows a warp to within 5 %.

    Eight warped views of each picture are looked at, half of them with an erased patch. None where
    nothing is finite.
    """
    warps, views = warped(images)
    found = locate(model, images)[0]
    seen, spread = (
        each.reshape(VIEWS, len(images), *each.shape[1:])
        for each in locate(model, views.reshape(-1, *images.shape[1:]))[:2]
    )
    errors = 50 * np.linalg.norm(carry(warps, seen) - found, axis=-1)
    return probability(spread, errors, NEAR, is_inside(warps, found), increasing=False)


def fit_matches(model: AlignmentModel, images: np.ndarray) -> Isotonic | None:
    """From the score to the probability that a match follows a warp to within a tenth of the side.

    Warped views, half of them with an erased patch, are matched with their picture. None where
    nothing is finite.
    """
    images = spread_out(images, MATCHED)
    warps, views = warped(images)
    pairs = (views.reshape(-1, *images.shape[1:]), np.concatenate([images] * VIEWS))
    read = in_batches(model.match, *(each / np.float32(255) for each in pairs), size=4)
    cells = numpy_grid(read.to_target.shape[1:3]).reshape(-1, 2)
    true = carry(warps.reshape(-1, 2, 3), cells)
    errors = 50 * np.linalg.norm(read.to_target.reshape(true.shape) - true, axis=-1)
    scores = read.source_confidence.reshape(errors.shape)
    return probability(scores, errors, NEAR_MATCH, np.abs(true).max(-1) <= 1, increasing=True)


def probability(
    values: np.ndarray, errors: np.ndarray, near: float, seen: np.ndarray, *, increasing: bool
) -> Isotonic | None:
    """From values to the probability that an error is below `near`, of what is seen and finite."""
    seen = seen & np.isfinite(values) & np.isfinite(errors)
    if not seen.any():
        return None
    return fit_isotonic(values[seen], errors[seen] < near, increasing=increasing)


def warped(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Warps `[VIEWS, n, 2, 3]` and what they show of pictures; every second has an erased patch."""
    warps = fixed_warps(len(images), views=VIEWS)
    views = [in_batches(look, images, affine, size=20) for affine in warps]
    views[1::2] = [erase(view, seed) for seed, view in enumerate(views[1::2])]
    return warps, np.stack(views)


def fit_object(model: LandmarkModel, images: np.ndarray) -> Familiar | None:
    """What training pictures look like to the trunk; None where that is not finite."""
    features = locate(model, images)[2]
    return fit_familiar(features) if np.isfinite(features).all() else None


def locate(model: LandmarkModel, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks, their spread in percent of the side, and features of squares for the network."""
    found = apply_in_batches(model.network, model.variables, "locate", images, size=32)
    return found.landmarks, 50 * found.spread, found.features


def erase(images: np.ndarray, seed: int) -> np.ndarray:
    """Pictures of which a square at a random place has the mean colour of the picture."""
    height, width = images.shape[1:3]
    side = round(ERASED * height)
    last = (height - side, width - side)
    corners = np.random.default_rng(seed).integers(last, size=(len(images), 2), endpoint=True)
    images = images.copy()
    for image, (row, column) in zip(images, corners, strict=True):
        image[row : row + side, column : column + side] = image.mean((0, 1))
    return images
