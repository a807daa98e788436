"""`c3jax align`, and the export of aligners."""

import csv
import functools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c3jax import inference
from c3jax.confidence import Isotonic
from c3jax.files.pictures import read_picture
from c3jax.tools import align, detect
from c3jax.tools.overlays import draw_uncertainty
from experiments import export
from tests.experiments.tiny import CELLS, SIZE, call, config, smooth_picture, write_run


@pytest.fixture(scope="module")
def model(exported):
    """The exported run."""
    return exported("semantic_alignment")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Pictures of very different shapes."""
    monkeypatch.chdir(tmp_path)
    smooth_picture(60, 20, 0).save("wide.png")
    smooth_picture(18, 90, 1).save("tall.png")
    smooth_picture(SIZE, SIZE, 2).save("square.png")
    return tmp_path


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(rows, *columns):
    return np.array([[float(row[column]) for column in columns] for row in rows])


aligner_of = functools.cache(inference.load_aligner)


def expected(model, source, target):
    return aligner_of(model).align(read_picture(source), read_picture(target))


def test_two_pictures_are_matched_in_their_own_pixels(model, photos, capsys):
    assert call(align.main, "wide.png", "tall.png", "--checkpoint", model) == 0
    assert "matches of 1 pair: matches/matches.csv" in capsys.readouterr().out
    found, matches = rows(photos / "matches/matches.csv"), expected(model, "wide.png", "tall.png")
    assert len(found) == CELLS**2 and {row["pair"] for row in found} == {"1"}
    source_px, target_px = matches.cells_px()
    np.testing.assert_allclose(numbers(found, "source_x", "source_y"), source_px, atol=1e-3)
    np.testing.assert_allclose(numbers(found, "target_x", "target_y"), target_px, atol=1e-3)
    assert source_px.max(0).tolist() == [59, 19] and (target_px <= [17, 89]).all()
    score = numbers(found, "score")[:, 0]
    np.testing.assert_allclose(score, matches.source_confidence.ravel(), atol=1e-4)
    assert {row["confidence"] for row in found} == {""}  # nothing was fitted
    np.testing.assert_array_equal(numbers(found, "mutual")[:, 0], matches.mutual().ravel())
    (line,) = (photos / "matches/matches.jsonl").read_text().splitlines()
    line = json.loads(line)
    assert (line["pair"], line["source"], line["target"]) == (1, "wide.png", "tall.png")
    assert len(line["matches"]) == CELLS**2 and "points" not in line
    assert line["matches"][1][:2] == [float(found[1]["source_x"]), float(found[1]["source_y"])]
    assert not (photos / "matches/points.csv").exists()


def test_the_source_is_warped_onto_the_target_and_lines_are_drawn(model, photos):
    assert call(align.main, "wide.png", "tall.png", "--checkpoint", model) == 0
    with Image.open("matches/warped/1.png") as warped, Image.open("tall.png") as target:
        assert warped.size == target.size
        image = expected(model, "wide.png", "tall.png").warp_source(read_picture("wide.png"))
        np.testing.assert_array_equal(np.asarray(warped), image)
    with Image.open("matches/overlays/1.png") as overlay:
        assert overlay.size[0] > 60 + 18 and overlay.size[1] == 90
    assert "0 at the centre of the top left pixel" in (photos / "matches/README.txt").read_text()


def test_confidence_is_the_probability_of_the_score_and_the_warp_shows_it(model, photos):
    loaded = inference.load_aligner(model)
    described = json.loads((model / "config.json").read_text())
    config = {k: v for k, v in described.items() if k not in ("format", "sha256")}
    known = Isotonic(np.array([0.0, 1.0]), np.array([0.2, 0.8]))
    calibration = inference.Calibration(matches=known)
    inference.save(photos / "model", loaded.variables, config, calibration=calibration)
    Path("points.csv").write_text("x,y\n30,10\n")
    told = ["--points", "points.csv", "--checkpoint", photos / "model"]
    assert call(align.main, "wide.png", "tall.png", *told) == 0
    for name in ("matches", "points"):
        found = rows(photos / f"matches/{name}.csv")
        score, confidence = numbers(found, "score", "confidence").T
        np.testing.assert_allclose(confidence, 0.2 + 0.6 * score, atol=1e-3)
    line = json.loads((photos / "matches/matches.jsonl").read_text())
    assert line["points"][0][5:] == [confidence[0], score[0]]
    with Image.open("matches/warped/1.png") as warped:
        opaque = np.asarray(warped)[..., 3]
        assert 0.2 * 255 - 1 <= opaque.min() < opaque.max() <= 0.8 * 255 + 1


def test_points_are_carried(model, photos):
    (photos / "points.csv").write_text("point,x,y\nnose,30,10\ntail,0,0\n")
    arguments = ["--points", "points.csv", "--checkpoint", model, "--no-overlays", "--out", "o"]
    assert call(align.main, "wide.png", "tall.png", *arguments) == 0
    found, matches = rows(photos / "o/points.csv"), expected(model, "wide.png", "tall.png")
    assert [row["point"] for row in found] == ["nose", "tail"]
    points_px = [[30, 10], [0, 0]]
    np.testing.assert_allclose(numbers(found, "source_x", "source_y"), points_px)
    carried = numbers(found, "target_x", "target_y")
    np.testing.assert_allclose(carried, matches.carry(points_px), atol=1e-3)
    line = json.loads((photos / "o/matches.jsonl").read_text())
    assert line["points"][0][0] == "nose" and line["points"][0][3:5] == carried[0].tolist()
    assert not (photos / "o/overlays").exists()


def test_points_without_names_are_counted(model, photos):
    (photos / "points.csv").write_text("x,y\n59.4,19.4\n-0.4,3\n")
    arguments = ["--points", "points.csv", "--checkpoint", model, "--no-overlays"]
    assert call(align.main, "wide.png", "tall.png", *arguments) == 0
    assert [row["point"] for row in rows(photos / "matches/points.csv")] == ["0", "1"]
    # Later results replace all that was there.
    assert call(align.main, "wide.png", "tall.png", "--checkpoint", model, "--no-overlays") == 0
    assert not (photos / "matches/points.csv").exists()


def test_a_table_of_pairs_is_matched_with_its_points(model, photos):
    header = "source,target,source_points,target_points"
    lines = [header, "wide.png,tall.png,1;2;30;10,1;1;2;2", "tall.png,square.png,9;45,3;4"]
    (photos / "pairs.csv").write_text("\n".join(lines) + "\n")
    assert call(align.main, "pairs.csv", "--checkpoint", model, "--no-overlays") == 0
    found = rows(photos / "matches/points.csv")
    assert [(row["pair"], row["point"]) for row in found] == [("1", "0"), ("1", "1"), ("2", "0")]
    carried = expected(model, "tall.png", "square.png").carry([[9, 45]])
    np.testing.assert_allclose(numbers(found[2:], "target_x", "target_y"), carried, atol=1e-3)
    assert len(rows(photos / "matches/matches.csv")) == 2 * CELLS**2


def test_a_folder_of_pairs_is_matched(model, photos, capsys):
    for name, side in (("wide", "a_source"), ("tall", "a_target"), ("wide", "b/target")):
        (photos / "pairs" / side).parent.mkdir(parents=True, exist_ok=True)
        (photos / "pairs" / f"{side}.png").write_bytes((photos / f"{name}.png").read_bytes())
    (photos / "pairs/b/source.png").write_bytes((photos / "square.png").read_bytes())
    assert call(align.main, "pairs", "--checkpoint", model) == 0
    assert "matches of 2 pairs" in capsys.readouterr().out
    lines = (photos / "matches/matches.jsonl").read_text().splitlines()
    sources = [json.loads(line)["source"] for line in lines]
    assert sources == ["pairs/a_source.png", "pairs/b/source.png"]
    assert sorted(p.name for p in (photos / "matches/overlays").iterdir()) == ["1.png", "2.png"]


def test_a_truncated_picture_leaves_its_pair_out_and_the_others_are_matched(model, photos, capsys):
    smooth_picture(40, 40, 3).save("whole.jpg")
    for name in ("tall.png", "whole.jpg"):  # found out by its header, and by its pixels
        contents = Path(name).read_bytes()
        Path(f"cut_{name}").write_bytes(contents[: len(contents) * 9 // 10])
    bad = ["cut_tall.png,wide.png", "square.png,cut_whole.jpg"]
    Path("pairs.csv").write_text("\n".join(["source,target", *bad, "wide.png,tall.png"]) + "\n")
    assert call(align.main, "pairs.csv", "--checkpoint", model) == 0
    said = capsys.readouterr()
    assert "matches of 1 of 3 pairs" in said.out
    for number, name in enumerate(("cut_tall.png", "cut_whole.jpg"), start=1):
        assert f"left out: pair {number}: {name}: cannot be decoded" in said.err
    assert {row["pair"] for row in rows(photos / "matches/matches.csv")} == {"3"}
    Path("pairs.csv").write_text("source,target\nwide.png,tall.png\nwide.png,nowhere.png\n")
    assert call(align.main, "pairs.csv", "--checkpoint", model) == 0
    assert "left out: pair 2: nowhere.png: no such file" in capsys.readouterr().err
    Path("pairs.csv").write_text("\n".join(["source,target", bad[1]]) + "\n")
    assert call(align.main, "pairs.csv", "--checkpoint", model, "--out", "none") == 2
    assert "none of 1 pairs can be used; the first: cut_whole.jpg" in capsys.readouterr().err
    assert not Path("none").exists()


def test_without_a_checkpoint_the_untrained_module_matches(model, photos, monkeypatch, capsys):
    used = {}

    def gaussian_aligner(file, trunk, **options):
        used.update(file=file, trunk=trunk, **options)
        return inference.load_aligner(model)

    monkeypatch.setattr(inference, "gaussian_aligner", gaussian_aligner)
    (photos / "net.npz").touch()
    arguments = ["--weights", "net.npz", "--trunk", "resnet18", "--no-overlays"]
    assert call(align.main, "wide.png", "tall.png", *arguments) == 0
    assert used["trunk"] == "resnet18" and used["image_size"] == 240
    assert "the flow module before any training, on resnet18" in capsys.readouterr().out


@pytest.fixture(scope="module")
def joint(exported):
    """A model that predicts uncertainty."""
    return exported("jlad")


def test_sigma_and_its_map_are_written(joint, photos):
    assert call(align.main, "wide.png", "tall.png", "--checkpoint", joint) == 0
    matches = expected(joint, "wide.png", "tall.png")
    found = rows(photos / "matches/matches.csv")
    assert list(found[0])[-2:] == ["mutual", "sigma"] and len(found) == CELLS**2
    sigma = numbers(found, "sigma")[:, 0]
    np.testing.assert_allclose(sigma, matches.source_sigma.ravel(), atol=1e-4)
    line = json.loads((photos / "matches/matches.jsonl").read_text())
    assert line["matches"][3][-1] == float(found[3]["sigma"])
    with Image.open("matches/uncertainty/1.png") as image:
        assert image.size == (60, 20)
        shades = np.asarray(image)
        np.testing.assert_array_equal(shades, np.asarray(draw_uncertainty(matches)))
    corners = matches.source_sigma[[0, 0, -1, -1], [0, -1, 0, -1]]
    drawn = shades[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(np.argsort(corners), np.argsort(-drawn.astype(int)))


def test_uncertain_matches_and_points_are_left_out(joint, photos):
    (photos / "points.csv").write_text(
        "point,x,y\n" + "".join(f"p{k},{7 * k},9\n" for k in range(8))
    )
    arguments = ["--checkpoint", joint, "--points", "points.csv"]
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


def test_max_sigma_needs_a_model_with_uncertainty(model, photos, capsys):
    run, without = write_run(photos / "run", config("jlad", uncertainty=False)), photos / "without"
    assert call(export.main, run, "--out", without) == 0
    for plain in (model, without):
        told = ["--checkpoint", plain, "--max-sigma", 2]
        assert call(align.main, "wide.png", "tall.png", *told) == 2
        said = capsys.readouterr().err
        assert f"--max-sigma 2: {plain} predicts no uncertainty" in said and said.count("\n") == 1
    arguments = ["--checkpoint", without, "--max-sigma", "0"]
    assert call(align.main, "wide.png", "tall.png", *arguments) == 2
    assert "--max-sigma must be positive, got 0" in capsys.readouterr().err
    assert not (photos / "matches").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "give two pictures, a table of pairs (.csv) or a folder of pairs; got nothing"),
        (["wide.png"], "give two pictures, a table of pairs (.csv) or a folder of pairs"),
        (["wide.png", "tall.png", "square.png"], "give two pictures"),
        (["wide.png", "nowhere.png"], "nowhere.png: no such file"),
        (["wide.png", "points.csv", "--out", "o"], "give two pictures"),
        (["nowhere.csv"], "nowhere.csv: no such file"),
        (["."], "no pair in it"),
        (["missing.csv", "--points", "points.csv"], "--points are of one pair of pictures"),
        (
            ["wide.png", "tall.png", "--points", "points.csv"],
            "points.csv: row 2: the point, (60, 3), lies outside the 60x20 pixels of wide.png",
        ),
        (["wide.png", "tall.png", "--points", "none.csv"], "none.csv: no such file"),
        (["wide.png", "tall.png", "--points", "missing.csv"], "needed: x,y"),
        (["wide.png", "tall.png", "--points", "words.csv"], "'two' is not numbers"),
        (
            ["wide.png", "tall.png", "--checkpoint", "FACES"],
            "matches no pictures: it finds",
        ),
        (["wide.png", "tall.png", "--checkpoint", "no.safetensors"], "no.safetensors: no such fi"),
        (["wide.png", "tall.png", "--checkpoint", "MODEL", "--trunk", "resnet18"], "--trunk is"),
        (["wide.png", "tall.png", "--weights", "w.npz"], "--weights is for the untrained module"),
        (["wide.png", "tall.png", "--image-size", 9], "--image-size is for the untrained module"),
        (["wide.png", "tall.png", "--trunk", "resnet18", "--weights", "w.npz"], "w.npz"),
        (["wide.png", "tall.png", "--out", "wide.png"], "wide.png is a file; give a folder"),
        (["wide.png", "tall.png", "--out", "."], "holds other files; give a new folder"),
        (["wide.png", "tall.png", "--colour", "red"], "--colour"),
    ],
)
def test_wrong_use_ends_with_status_2_and_writes_nothing(
    exported, model, photos, arguments, named, monkeypatch, capsys
):
    monkeypatch.setenv("HOME", str(photos))
    monkeypatch.delenv("C3JAX_WEIGHTS", raising=False)
    (photos / "points.csv").write_text("x,y\n3,4\n60,3\n")
    (photos / "words.csv").write_text("x,y\n3,two\n")
    (photos / "missing.csv").write_text("source,target\nwide.png,tall.png\nwide.png,nowhere.png\n")
    names = {"FACES": str(exported("c3_faces")), "MODEL": str(model)}
    assert call(align.main, *(names.get(argument, argument) for argument in arguments)) == 2
    said = capsys.readouterr().err
    assert named in said and "Traceback" not in said and not (photos / "matches").exists()


def test_models_of_the_other_kind_are_refused(model, photos, capsys):
    assert call(detect.main, "wide.png", "--checkpoint", model) == 2
    assert "use load_aligner" in capsys.readouterr().err
