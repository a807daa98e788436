"""Runs of JLAD in the commands for pictures: detect, align, export."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from c3jax import inference, to_pixels
from data_pipelines.pictures import read_picture
from experiments import align, detect, evaluate, export
from experiments.engine.trained import find_trained
from experiments.jlad.trained import load_trained
from experiments.show.flow_pictures import draw_uncertainty
from tests.experiments import tiny_aligners, tiny_joint
from tests.experiments.tiny_joint import LANDMARKS, SIZE
from tests.experiments.tiny_runs import call, smooth_picture, write_labelled

CELLS = 8  # of a side


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_joint.write_run(tmp_path_factory.mktemp("runs") / "tiny", tiny_joint.config())


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    smooth_picture(60, 20, 0).save("wide.png")
    smooth_picture(18, 90, 1).save("tall.png")
    smooth_picture(SIZE, SIZE, 2).save("square.png")
    return tmp_path


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(rows, column):
    return np.array([float(row[column]) for row in rows])


def squares(*names):
    return np.stack([read_picture(name) for name in names]).astype(np.float32) / 255


def test_tau_carries_from_source_to_target_and_one_field_goes_back(run, photos):
    smooth_picture(SIZE, SIZE, 3).save("other.png")
    trained = load_trained(find_trained(run, "jlad"))
    found = export.load_aligner(run).align(read_picture("square.png"), read_picture("other.png"))
    there, back = squares("square.png", "other.png"), squares("other.png", "square.png")
    for images, places, sigma, confidence in (
        (there, found.to_target, found.source_sigma, found.source_confidence),
        (back, found.to_source, found.target_sigma, found.target_confidence),
    ):
        (tau, log_sigma), _, _ = trained.network.model.apply(
            trained.variables, images[:1], images[1:]
        )
        np.testing.assert_allclose(places, tau[0], atol=1e-5)
        np.testing.assert_allclose(sigma, np.exp(log_sigma[0, ..., 0]), rtol=1e-5)
        np.testing.assert_allclose(confidence, 1 / (1 + sigma), rtol=1e-5)
    centre = np.array([[15.0, 16.0]])
    np.testing.assert_allclose(found.sigma(centre), 1 / found.confidence(centre) - 1, rtol=0.05)


def test_align_writes_sigma_and_its_map(run, photos):
    assert call(align.main, "wide.png", "tall.png", "--checkpoint", run) == 0
    matches = export.load_aligner(run).align(read_picture("wide.png"), read_picture("tall.png"))
    found = rows(photos / "matches/matches.csv")
    assert list(found[0])[-2:] == ["mutual", "sigma"] and len(found) == CELLS**2
    np.testing.assert_allclose(numbers(found, "sigma"), matches.source_sigma.ravel(), atol=1e-4)
    line = json.loads((photos / "matches/matches.jsonl").read_text())
    assert line["matches"][3][-1] == float(found[3]["sigma"])
    with Image.open("matches/uncertainty/1.png") as image:
        assert image.size == (60, 20)
        shades = np.asarray(image)
        np.testing.assert_array_equal(shades, np.asarray(draw_uncertainty(matches)))
    corners = matches.source_sigma[[0, 0, -1, -1], [0, -1, 0, -1]]
    drawn = shades[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(np.argsort(corners), np.argsort(-drawn.astype(int)))


def test_uncertain_matches_and_points_are_left_out(run, photos):
    (photos / "points.csv").write_text(
        "point,x,y\n" + "".join(f"p{k},{7 * k},9\n" for k in range(8))
    )
    arguments = ["--checkpoint", run, "--points", "points.csv"]
    assert call(align.main, "wide.png", "tall.png", *arguments, "--out", "all") == 0
    every = {name: rows(photos / f"all/{name}.csv") for name in ("matches", "points")}
    largest = float(np.median(numbers(every["points"], "sigma")))
    assert call(align.main, "wide.png", "tall.png", *arguments, "--max-sigma", largest) == 0
    for name, before in every.items():
        kept = rows(photos / f"matches/{name}.csv")
        assert 0 < len(kept) < len(before)
        assert kept == [row for row in before if float(row["sigma"]) <= largest]
    line = json.loads((photos / "matches/matches.jsonl").read_text())
    assert len(line["points"]) == len(kept)


def test_max_sigma_needs_a_model_with_uncertainty(photos, capsys):
    plain = tiny_aligners.write_run(photos / "plain", tiny_aligners.config())
    without = tiny_joint.write_run(photos / "without", tiny_joint.config(uncertainty=False))
    for run in (plain, without):
        assert call(align.main, "wide.png", "tall.png", "--checkpoint", run, "--max-sigma", 2) == 2
        said = capsys.readouterr().err
        assert f"--max-sigma 2: {run} predicts no uncertainty" in said and said.count("\n") == 1
    arguments = ["--checkpoint", without, "--max-sigma", "0"]
    assert call(align.main, "wide.png", "tall.png", *arguments) == 2
    assert "--max-sigma must be positive, got 0" in capsys.readouterr().err
    assert not (photos / "matches").exists()


def test_detect_finds_the_landmarks_of_the_network(run, photos):
    assert call(detect.main, "square.png", "--checkpoint", run, "--no-overlays") == 0
    (line,) = (photos / "landmarks/landmarks.jsonl").read_text().splitlines()
    trained = load_trained(find_trained(run, "jlad"))
    landmarks = trained.network.detect(trained.variables, squares("square.png")).landmarks[0]
    expected = to_pixels(landmarks, (SIZE, SIZE))
    assert expected.shape == (LANDMARKS, 2)
    np.testing.assert_allclose(json.loads(line)["landmarks_px"], expected, atol=0.01)


def test_an_export_detects_and_matches_as_its_run(run, photos, capsys):
    assert call(export.main, run, "--out", "model", "--dtype", "float32") == 0
    assert f"{LANDMARKS} landmarks and matches at {SIZE} px, step 7" in capsys.readouterr().out
    pictures = [read_picture("wide.png"), read_picture("tall.png")]
    before, after = (export.load_aligner(path).align(*pictures) for path in (run, photos / "model"))
    np.testing.assert_allclose(before.to_target, after.to_target, atol=1e-6)
    np.testing.assert_allclose(before.source_sigma, after.source_sigma, rtol=1e-5)
    before, after = (
        export.load_model(path).landmarks(pictures) for path in (run, photos / "model")
    )
    np.testing.assert_allclose(before, after, atol=1e-6)
    assert inference.load(photos / "model").trained_on["experiment"] == "jlad"


def test_separate_networks_are_used_but_not_exported(photos, capsys):
    run = tiny_joint.write_run(photos / "separate", tiny_joint.config(separate=True))
    assert call(export.main, run) == 2
    assert "was trained with --separate" in capsys.readouterr().err
    trained = load_trained(find_trained(run, "jlad"))
    found = export.load_model(run).landmarks(squares("square.png"))
    own = trained.network.detect(
        trained.variables, squares("square.png"), trunk="detection_trunk"
    ).landmarks
    np.testing.assert_allclose(found, own, atol=1e-4)


def test_evaluate_prints_landmarks_or_alignment(run, photos, capsys):
    labelled = write_labelled(photos / "labelled")
    arguments = ["--checkpoint", run, "--data.path", labelled, "--fit-rows", "1-9"]
    arguments += ["--test-rows", "10-14", "--data.name", "labelled"]
    assert call(evaluate.main, *arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["normalizer"] == "inter-ocular distance"
    assert (found["fitted_on"], found["tested_on"]) == (9, 5)
    assert found["nme_percent"] != found["untrained_nme_percent"]
    header = "source,target,source_points,target_points\n"
    points = "10;12;20;12,11;12;15;40"
    (photos / "pairs.csv").write_text(header + f"square.png,tall.png,{points}\n")
    arguments = ["--checkpoint", run, "--data.name", "pairs_csv", "--data.path", "pairs.csv"]
    assert call(evaluate.main, *arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) >= {"pck", "identity_pck", "untrained_pck", "protocol"}
    assert call(evaluate.main, *arguments, "--fit-rows", "1-3") == 2
    assert "fit_rows" in capsys.readouterr().err
