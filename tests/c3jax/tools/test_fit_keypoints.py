"""`c3jax fit-keypoints`, and `detect --keypoints`."""

import csv
import json

import numpy as np
import pytest

from c3jax.tools import detect, fit_keypoints
from c3jax.tools.fit_keypoints import STRENGTHS, Keypoints, fit, is_better
from experiments import export
from tests.experiments import tiny
from tests.experiments.tiny import call


def ridge(x, y, strength):
    """The map and the constant, by the normal equations."""
    x_mean, y_mean = x.mean(0), y.mean(0)
    gram = (x - x_mean).T @ (x - x_mean) + len(x) * strength * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, (x - x_mean).T @ (y - y_mean))
    return weights, y_mean - x_mean @ weights


@pytest.fixture(scope="module")
def data():
    """Landmarks of 9 photos and 2 key points that follow them, one of which has gaps."""
    random = np.random.default_rng(0)
    landmarks = random.normal(size=(9, 3, 2))
    keypoints = landmarks[:, :2] * [0.5, 2] + 0.3 + random.normal(scale=0.2, size=(9, 2, 2))
    keypoints[[1, 4], 1] = np.nan
    return landmarks, keypoints


def test_the_map_is_ridge_regression_over_the_photos_with_the_point(data):
    landmarks, keypoints = data
    weights, intercept, errors = fit(landmarks, keypoints)
    for p in range(2):
        known = np.isfinite(keypoints[:, p]).all(-1)
        x, y = landmarks[known].reshape(-1, 6), keypoints[known, p]
        expected = ridge(x, y, errors["strength"])
        columns = slice(2 * p, 2 * p + 2)
        np.testing.assert_allclose(weights[:, columns], expected[0], atol=1e-9)
        np.testing.assert_allclose(intercept[columns], expected[1], atol=1e-9)


def test_errors_are_those_of_a_fit_to_the_other_photos_and_the_strength_is_the_best(data):
    landmarks, keypoints = data
    _, _, errors = fit(landmarks, keypoints)
    totals = []
    for strength in STRENGTHS:
        distances = np.full(keypoints.shape[:2], np.nan)
        means = distances.copy()
        for p, photo in np.argwhere(np.isfinite(keypoints).all(-1).T):
            others = np.isfinite(keypoints[:, p]).all(-1)
            others[photo] = False
            x, y = landmarks[others].reshape(-1, 6), keypoints[others, p]
            w, w0 = ridge(x, y, strength * (len(x) + 1) / len(x))  # the same penalty in all
            found = landmarks[photo].ravel() @ w + w0
            distances[photo, p] = np.linalg.norm(found - keypoints[photo, p])
            means[photo, p] = np.linalg.norm(y.mean(0) - keypoints[photo, p])
        totals.append(np.nanmean(distances**2))
        if strength == errors["strength"]:
            np.testing.assert_allclose(errors["error"], distances, rtol=1e-6)
            np.testing.assert_allclose(errors["mean_shape"], means, rtol=1e-9)
    assert errors["strength"] == STRENGTHS[np.argmin(totals)]


def test_landmarks_that_help_are_told_from_those_that_do_not(data):
    landmarks, keypoints = data
    _, _, errors = fit(landmarks, keypoints)
    assert is_better(errors["error"], errors["mean_shape"])
    random = np.random.default_rng(0)
    better = 0
    for _ in range(50):
        _, _, errors = fit(random.normal(size=(9, 3, 2)), random.normal(size=(9, 2, 2)))
        better += is_better(errors["error"], errors["mean_shape"])
    assert better <= 3


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An exported model."""
    root = tmp_path_factory.mktemp("runs")
    run = tiny.write_run(root / "tiny", "c3_faces")
    assert call(export.main, run, "--out", root / "model") == 0
    assert call(export.main, run, "--out", root / "exact", "--dtype", "float32") == 0
    return root / "model"


@pytest.fixture
def folder(labelled, tmp_path, monkeypatch):
    """A working folder with the pictures of `labelled` and no labels."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/images").symlink_to(labelled / "images")
    return tmp_path


def write_labels(folder, model, *, follow=True):
    """Labels `left` and `right`: landmarks of the model moved by a constant, or noise."""
    arguments = ["photos/images", "--checkpoint", model, "--no-overlays"]
    assert call(detect.main, *arguments, "--out", "found") == 0
    random = np.random.default_rng(0)
    lines = ["image,left_x,left_y,right_x,right_y"]
    for line in (folder / "found/landmarks.jsonl").read_text().splitlines():
        row = json.loads(line)
        points = np.array(row["landmarks_px"])[:2]
        points = points + [1, -1] if follow else random.uniform(5, 25, (2, 2))
        lines.append(f"{row['image']}," + ",".join(map(str, points.clip(0, 31).ravel())))
    (folder / "photos/landmarks.csv").write_text("\n".join(lines) + "\n")
    return lines


def test_key_points_are_fitted_and_found_in_photos(folder, model, capsys):
    lines = write_labels(folder, model)
    exact = model.parent / "exact"  # the same in full precision
    assert call(fit_keypoints.main, exact, "photos", "--out", "points") == 0
    said = capsys.readouterr()
    assert "2 key points: c3jax detect PHOTOS --checkpoint " in said.out
    assert said.out.endswith(" --keypoints points\n")
    assert "mean of all" in said.out and "warning" not in said.err
    stored = json.loads((folder / "points/keypoints.json").read_text())
    errors = stored["errors_percent"]["mean of all"]
    assert errors["error"] < errors["mean_shape"] / 2 and errors["photos"] == 14
    found = ["photos/images", "--checkpoint", model, "--keypoints", "points"]
    assert call(detect.main, *found, "--format", "jsonl", "coco", "--out", "new") == 0
    rows = [json.loads(line) for line in (folder / "new/landmarks.jsonl").read_text().splitlines()]
    true = {row[0]: row[1:] for row in csv.reader(lines[1:])}
    for row in rows:
        places = np.array([*row["keypoints_px"].values()]).ravel()
        assert list(row["keypoints_px"]) == ["left", "right"] and len(row["landmarks_px"]) == 3
        assert np.abs(places - np.array(true[row["image"]], float)).max() < 2
    assert "framed unlike" not in capsys.readouterr().err
    # Pictures whose landmarks are farther from the mean than those of all labelled photos.
    stored["reach"] = 1e-9
    (folder / "points/keypoints.json").write_text(json.dumps(stored))
    assert call(detect.main, *found, "--out", "far", "--no-overlays") == 0
    assert "warning: 14 of 14 are framed unlike the photos that" in capsys.readouterr().err
    coco = json.loads((folder / "new/person_keypoints_default.json").read_text())
    assert coco["categories"][0]["keypoints"] == ["left", "right"]
    # They are of one model alone.
    stored["probe"][0][0] += 0.2
    (folder / "points/keypoints.json").write_text(json.dumps(stored))
    assert call(detect.main, *found, "--out", "more") == 2
    assert "--keypoints points was fitted to another model" in capsys.readouterr().err
    assert not (folder / "more").exists()


def test_key_points_that_do_not_follow_are_warned_of(folder, model, capsys):
    write_labels(folder, model, follow=False)
    assert call(fit_keypoints.main, model, "photos/landmarks.csv", "--out", "points") == 0
    assert "warning: no better than the mean shape" in capsys.readouterr().err
    found = ["photos/images", "--checkpoint", model, "--keypoints", "points"]
    assert call(detect.main, *found, "--no-overlays") == 0
    assert "warning: points was no better than the mean shape" in capsys.readouterr().err


def test_too_few_labels_are_refused_and_rare_points_left_out(folder, model, capsys):
    lines = write_labels(folder, model)
    table = folder / "photos/landmarks.csv"
    rare = [lines[0], *(",".join([*line.split(",")[:3], "", ""]) for line in lines[1:])]
    table.write_text("\n".join(rare))
    assert call(fit_keypoints.main, model, "photos", "--out", "points") == 0
    said = capsys.readouterr().err
    assert "left out, since a key point must be labelled in 3 photos: right in 0" in said
    assert json.loads((folder / "points/keypoints.json").read_text())["names"] == ["left"]
    table.write_text("\n".join(lines[:3]))
    assert call(fit_keypoints.main, model, "photos", "--out", "few") == 2
    assert (
        "must be labelled in 3 photos; there are left in 2, right in 2" in capsys.readouterr().err
    )
    assert call(fit_keypoints.main, model, "photos", "--out", "photos") == 2
    assert "holds other files" in capsys.readouterr().err
    assert not (folder / "few").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file"), ("{", "damaged"), ("[]", "damaged"), ('{"names": ["a"]}', "damaged")],
)
def test_damaged_key_points_are_refused(folder, model, content, why, capsys):
    (folder / "points").mkdir()
    if content is not None:
        (folder / "points/keypoints.json").write_text(content)
    found = ["photos/images", "--checkpoint", model, "--keypoints", "points"]
    assert call(detect.main, *found) == 2
    said = capsys.readouterr().err
    assert "points/keypoints.json" in said and why in said and "Traceback" not in said


def test_a_key_point_is_a_sum_of_landmarks_and_a_constant():
    weights = np.array([[2, 0], [0, 3], [0, 0], [0, 0]])
    centre = np.array([[1, 2], [9, 5]])
    points = Keypoints(("a",), weights, np.array([1, -1]), centre, centre, 1.0, True)
    np.testing.assert_array_equal(points.find(np.array([[1, 2], [9, 9]])), [[3, 5]])
    assert not points.is_beyond(centre + [0, 1]) and points.is_beyond(centre + [0, 2])
