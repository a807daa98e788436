"""README.md of an exported model: what it says, and that a card that is there stays."""

import dataclasses
import doctest
import json

from experiments.engine import runs
from experiments.engine.runs import to_json
from experiments.show import model_card, page
from tests.experiments.tiny import config

LANDMARKS = {
    "nme_percent": 6.789,
    "normalizer": "the distance of the eyes",
    "mean_shape_nme_percent": 9.876,
    "untrained_nme_percent": 8.765,
    "protocol": "a regressor without intercept",
    "fitted_on": 500,
    "tested_on": 100,
}
RESULTS = {
    "experiment": "c3_faces", "preset": "laptop", "data": "rendered_faces", "seed": 0, "steps": 7,
    "seconds": 9, "landmarks": LANDMARKS,
}  # fmt: skip


def card_of(folder, config, experiment="c3_faces", family="c3"):
    """The card of a run in a folder, exported beneath it."""
    model = {
        "model": {"family": family},
        "image_size": 32,
        "trained_on": {
            "experiment": experiment, "preset": "paper", "data": config.data.name, "seed": 3,
            "steps": 1200,
        },
    }  # fmt: skip
    out = folder / "export"
    out.mkdir()
    (out / "config.json").write_text(json.dumps(model))
    described = {"experiment": experiment, "preset": "laptop", "config": to_json(config)}
    path = model_card.write_card(runs.Run(folder, None, described), out)
    assert path == str(out / "README.md")
    return (out / "README.md").read_text()


def test_the_figures_stand_beside_their_baselines(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(RESULTS))
    text = card_of(folder, config())
    for part in (
        "license: apache-2.0\n",
        "# tiny\n",
        "Preset paper, seed 3, 1,200 steps.\n",
        "| this run | 6.79 |",
        "| 8.77 |",
        "a regressor without intercept; fitted on 500, tested on 100 images.",
        "Measured at step 7;",
        "Rendered faces: ",
        "pipeline_tag: keypoint-detection\n",
        "    c3jax detect --checkpoint FOLDER",
        "not meant to recognise or judge people",
        "## Licence\n\nApache 2.0, as c3jax.",
    ):
        assert part in text
    assert "c3jax align" not in text


def test_another_card_that_is_there_stays_and_it_is_said(tmp_path):
    card_of(tmp_path, config())
    out, described = tmp_path / "export", {"experiment": "c3_faces", "config": to_json(config())}
    for text, said in (("my own", " was there and stays"), ("", "README.md")):
        (out / "README.md").write_text(text) if text else (out / "README.md").unlink()
        told = model_card.write_card(runs.Run(tmp_path, None, described), out)
        assert told.startswith(f"{out / 'README.md'}") and said in told
        assert (out / "README.md").read_text().startswith(text or "---")


def test_a_run_without_results_says_so(tmp_path):
    assert "The run was not measured" in card_of(tmp_path, config())


def test_terms_of_data_and_trunk_are_named(tmp_path):
    pascal = config("semantic_alignment", data={"name": "pf_pascal"})
    for name in ("plain", "trunk", "foundation", "started"):
        (tmp_path / name).mkdir()
    text = card_of(tmp_path / "plain", pascal, "semantic_alignment", "aligner")
    assert "license: other\n" in text and "Licence: non-commercial research only." in text
    assert "depends on the terms of what they were learned from: PF-PASCAL." in text
    assert "c3jax align --checkpoint" in text and "c3jax detect" not in text
    trunk = dataclasses.replace(pascal.model, trunk="resnet50")
    pretrained = dataclasses.replace(pascal, model=trunk)
    text = card_of(tmp_path / "trunk", pretrained, "semantic_alignment", "aligner")
    assert "began with ImageNet weights" in text and "PF-PASCAL, ImageNet (the trunk)." in text
    foundation = dataclasses.replace(pascal, model=dataclasses.replace(trunk, trunk="dinov2_s14"))
    text = card_of(tmp_path / "foundation", foundation, "semantic_alignment", "aligner")
    assert "began with DINOv2 weights" in text and "PF-PASCAL, DINOv2 (the trunk)." in text
    started = dataclasses.replace(config(), init_from=tmp_path / "before")
    text = card_of(tmp_path / "started", started)
    assert "parameters of before." in text and "the run before." in text
    assert str(tmp_path) not in text


def test_a_joint_model_finds_and_matches(tmp_path):
    text = card_of(tmp_path, config("semantic_alignment"), "jlad", "jlad")
    for part in ("tags: [jax, flax, landmarks, correspondence]", "detect", "load_aligner"):
        assert part in text


def test_the_examples_of_tables():
    assert doctest.testmod(page).failed == 0
