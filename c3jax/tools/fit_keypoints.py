"""`c3jax fit-keypoints MODEL LABELS --out DIR`: own key points from few photos."""

import dataclasses
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from c3jax.inference import LandmarkModel
from c3jax.tools.errors import UsageError
from c3jax.tools.inputs import BOX_MARGIN, boxes_of
from c3jax.tools.models import load_detector
from c3jax.tools.outputs import check_folder, json_text, open_folder

FILE = "keypoints.json"
README = f"""\
Key points fitted by c3jax, command fit-keypoints

{FILE}: a linear map from the landmarks of one model to named key points (ridge regression with an
    intercept), and its errors. Give this folder to detect --keypoints.
Errors are those of each photo by the map that was fitted on the others (leave-one-out), as a
distance in percent of the side of the square that the model looks at; the mean shape is the mean
place of the key point in the others.
"""
FIELDS = ("names", "weights", "intercept", "centre", "probe", "reach", "better")
FEWEST = 3  # photos in which a key point must be labelled
STRENGTHS = 10.0 ** np.arange(-6, 2.5, 0.5)  # of the ridge, per photo
BEYOND = 1.2  # times as far from the mean as in any labelled photo
PROBE_TOLERANCE = 0.05  # a half-precision copy of the shipped detector is off by .006


@dataclass(frozen=True)
class Options:
    """Fit named key points to the landmarks of a model, from some labelled photos.

    Ten photos are a beginning, thirty are better; they should be framed as differently as those in
    which the key points are to be found. The errors are printed; it is said when the landmarks
    help no more than the mean place of each key point does.
    """

    model: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="MODEL")]]
    """exported model that finds landmarks, or with python -m experiments.fit_keypoints run folder
    or step of a run"""
    labels: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="LABELS")]]
    """file of labels (a table image,nose_x,nose_y,..., COCO's JSON or DeepLabCut's CSV) beside its
    pictures or their folder images/, or the folder that holds one"""
    out: Path
    """folder to write: a new one, or that of an earlier call, which is replaced"""
    boxes: Path | None = None
    """CSV of image,x0,y0,x1,y1 for photos where the object does not fill the frame"""


@dataclass(frozen=True)
class Keypoints:
    """Named key points as a linear map of a model's landmarks, in [-1, 1] of the model's square.

    Attributes:
      names: of the P key points.
      weights: `[2 K, 2 P]`.
      intercept: `[2 P]`.
      centre: `[K, 2]`, mean landmarks of the labelled photos.
      probe: `[K, 2]`, what the model finds in the picture of `probe`: it tells models apart.
      reach: the largest mean distance of the landmarks of a labelled photo from the centre.
      better: whether the map was better than the mean shape.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    intercept: np.ndarray
    centre: np.ndarray
    probe: np.ndarray
    reach: float
    better: bool

    def find(self, landmarks: np.ndarray) -> np.ndarray:
        """Key points `[P, 2]` of landmarks `[K, 2]`."""
        return (np.ravel(landmarks) @ self.weights + self.intercept).reshape(len(self.names), 2)

    def is_beyond(self, landmarks: np.ndarray) -> bool:
        """Whether a picture is framed unlike all that were labelled."""
        return bool(_distance(landmarks, self.centre) > BEYOND * self.reach)


def _distance(landmarks: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return np.linalg.norm(landmarks - centre, axis=-1).mean(-1)


def main(
    load: Callable[[Path], LandmarkModel] = load_detector,
    *,
    prog: str = "c3jax fit-keypoints",
    detect: str = "c3jax detect",
) -> None:
    """Fits, prints the errors and writes the folder.

    `load` reads the model; `prog` and `detect` are how this command and that one are called.
    """
    options = tyro.cli(Options, prog=prog)
    out = options.out.expanduser()
    check_folder(out, README)
    model = load(options.model)
    names, landmarks, keypoints = read(options, model)
    weights, intercept, errors = fit(landmarks, keypoints)
    better = is_better(errors["error"], errors["mean_shape"])
    rows = summary(names, errors)
    print(table(rows))
    if not better:
        print(
            "warning: no better than the mean shape: these landmarks do not tell where the key "
            "points are, or there are too few photos",
            file=sys.stderr,
        )
    open_folder(out, README, (FILE,))
    centre = landmarks.mean(0)
    reach = float(_distance(landmarks, centre).max())
    found = Keypoints(names, weights, intercept, centre, probe(model), reach, better)
    known = {"photos": len(landmarks), "strength": errors["strength"], "errors_percent": rows}
    written = {name: getattr(found, name) for name in FIELDS} | known
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in written.items()}
    (out / FILE).write_text(json_text(plain, indent=1) + "\n", encoding="utf-8")
    given = shlex.join(["--checkpoint", str(options.model), "--keypoints", str(out)])
    print(f"{len(names)} key points: {detect} PHOTOS {given}")


def read(options: Options, model: LandmarkModel) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """The names of the key points, the model's landmarks `[n, K, 2]` and the labels `[n, P, 2]`.

    Both are in [-1, 1] of the square; what is not labelled is NaN. Key points that are labelled in
    fewer than three photos are left out, and said.

    Raises:
      UsageError: none is labelled often enough.
      DataError: labels or photos that cannot be used.
    """
    from c3jax.files.folder import labelled
    from c3jax.files.labels import find_labels
    from c3jax.files.sources import load_annotated
    from c3jax.tools.measure.units import normalized

    root, file = find_labels(options.labels.expanduser())
    crop: Any = model.crop
    photos = labelled(root, csv=file, crop=crop)
    if options.boxes is not None:
        every = boxes_of(options.boxes, list(photos.names))
        boxes = {name: each[0] for name, each in every.items()}
        photos = dataclasses.replace(photos, boxes=boxes, margin=BOX_MARGIN)
    assert photos.keypoints_px is not None
    known = np.isfinite(photos.keypoints_px).all(-1)
    counts = known.sum(0)
    kept = [k for k, count in enumerate(counts) if count >= FEWEST]
    told = ", ".join(f"{photos.points[k]} in {n}" for k, n in enumerate(counts) if k not in kept)
    needed = f"a key point must be labelled in {FEWEST} photos"
    if not kept:
        raise UsageError(f"{root / file}: {needed}; there are {told or 'none'}")
    if told:
        print(f"left out, since {needed}: {told}", file=sys.stderr)
    photos = photos.select(known[:, kept].any(1))
    examples = load_annotated(photos, size=model.image_size, fix=f"correct {root / file}")
    landmarks = dataclasses.replace(model, crop="squash").landmarks(examples.images)
    keypoints = normalized(examples.keypoints_px, examples.images.shape[1:3])
    return tuple(photos.points[k] for k in kept), landmarks, keypoints[:, kept]


def fit(
    landmarks: np.ndarray, keypoints: np.ndarray
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Ridge regression with an intercept; one strength, the one of least leave-one-out error.

    min over W, w of sum_n |W x_n + w - y_n|^2 + n strength |W|^2, for each key point y over the
    photos in which it is labelled. Without photo n the residual is e_n / (1 - h_n), with the
    residual e_n and the leverage h_n of the fit to all.

    Args:
      landmarks: `[n, K, 2]`, x.
      keypoints: `[n, P, 2]`, NaN where they are not labelled.

    Returns:
      W transposed `[2 K, 2 P]`; w `[2 P]`; a dict with `strength`, and with the leave-one-out
      distances `[n, P]` of `error` and `mean_shape`, in the unit of the points.
    """
    x = landmarks.reshape(len(landmarks), -1).astype(float)
    of_each = [_ridges(x, keypoints[:, p].astype(float)) for p in range(keypoints.shape[1])]
    distances = np.stack([each[2] for each in of_each], -1)  # [strengths, n, P]
    best = int(np.nanmean(np.square(distances), (1, 2)).argmin())
    weights = np.concatenate([each[0][best] for each in of_each], -1)
    intercept = np.concatenate([each[1][best] for each in of_each], -1)
    mean_shape = np.stack([each[3] for each in of_each], -1)
    errors = {"error": distances[best], "mean_shape": mean_shape, "strength": STRENGTHS[best]}
    return weights, intercept, errors


def _ridges(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weights, intercepts and leave-one-out distances by strength, and those of the mean shape."""
    known = np.isfinite(y).all(-1)
    n, x_mean, y_mean = known.sum(), x[known].mean(0), y[known].mean(0)
    centred = y[known] - y_mean
    u, s, vt = np.linalg.svd(x[known] - x_mean, full_matrices=False)
    damped = s**2 + n * STRENGTHS[:, None]  # [strengths, r]
    weights = vt.T @ ((s / damped)[..., None] * (u.T @ centred))
    residual = centred - u @ ((s**2 / damped)[..., None] * (u.T @ centred))
    leverage = 1 / n + np.square(u) @ (s**2 / damped).T  # [n, strengths]
    distances = np.full((len(STRENGTHS), len(y)), np.nan)
    distances[:, known] = np.linalg.norm(residual, axis=-1) / (1 - leverage.T)
    mean_shape = np.full(len(y), np.nan)
    mean_shape[known] = np.linalg.norm(centred, axis=-1) * n / (n - 1)
    return weights, y_mean - x_mean @ weights, distances, mean_shape


def is_better(error: np.ndarray, mean_shape: np.ndarray) -> bool:
    """Whether photos gain over the mean shape by more than two standard errors, on average."""
    gain = np.nanmean(mean_shape - error, axis=-1)
    return bool(gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain)))


def summary(names: tuple[str, ...], errors: dict[str, Any]) -> dict[str, Any]:
    """For each key point, and for all, both errors in percent of the side, and the photos."""

    def row(columns) -> dict[str, float]:
        means = {
            name: 50 * np.nanmean(errors[name][:, columns]) for name in ("error", "mean_shape")
        }
        known = np.isfinite(errors["error"][:, columns])
        rounded = {name: round(float(mean), 2) for name, mean in means.items()}  # the side is 2
        return rounded | {"photos": int(known.reshape(len(known), -1).any(1).sum())}

    return {name: row(p) for p, name in enumerate(names)} | {"mean of all": row(slice(None))}


def table(rows: dict[str, Any]) -> str:
    """The summary for people."""
    wide = max(map(len, rows))
    lines = [
        "leave-one-out errors, percent of the side of the square",
        f"{'':{wide}}   error   mean shape   photos",
    ]
    for name, row in rows.items():
        cells = f"{row['error']:7.2f} {row['mean_shape']:12.2f} {row['photos']:8}"
        lines.append(f"{name:{wide}} {cells}")
    return "\n".join(lines)


def probe(model) -> np.ndarray:
    """What a model finds in a picture of its own kind: smooth waves of three colours."""
    ramp = np.linspace(0, 3, model.image_size)
    waves = [np.add.outer(np.sin(a * ramp), np.cos(b * ramp)) for a, b in ((2, 3), (5, 1), (1, 4))]
    picture = (np.stack(waves, -1) + 2) / 4
    return dataclasses.replace(model, crop="squash").landmarks(picture[None].astype(np.float32))[0]


def load(folder: Path, model) -> Keypoints:
    """The key points of a folder that `main` wrote; warns where they are of little use.

    Raises:
      UsageError: it is not there, is damaged, or was fitted to another model.
    """
    file = folder.expanduser() / FILE
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        weights, intercept, centre, seen = (np.array(stored[name], float) for name in FIELDS[1:5])
        reach, better = float(stored["reach"]), bool(stored["better"])
        names = tuple(stored["names"])
        found = Keypoints(names, weights, intercept, centre, seen, reach, better)
        found.find(found.probe)
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; give a folder that fit-keypoints wrote") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file} is damaged ({error}): fit it anew") from None
    now = probe(model)
    if now.shape != found.probe.shape or np.abs(now - found.probe).max() > PROBE_TOLERANCE:
        raise UsageError(
            f"--keypoints {folder} was fitted to another model: name that one by --checkpoint, or "
            "fit it to this one"
        )
    if not found.better:
        print(f"warning: {folder} was no better than the mean shape", file=sys.stderr)
    return found
