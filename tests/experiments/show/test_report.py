"""Reports: self-contained, with the run's numbers, and what differs from the paper's preset."""

import base64
import json
import re

import pytest
from PIL import Image

from experiments.engine import runs
from experiments.engine.runs import differences
from experiments.show.page import Section, Table, format_cell, render
from experiments.show.pictures import Picture
from experiments.show.report import write_report

RESULTS = {
    "experiment": "c3_faces",
    "preset": "laptop",
    "data": "rendered_faces",
    "seed": 3,
    "steps": 4500,
    "seconds": 754,
    "landmarks": {
        "nme_percent": 12.345,
        "untrained_nme_percent": 57.1,
        "mean_shape_nme_percent": 56.2,
        "box_mean_shape_nme_percent": 54.3,
        "nme_undistorted_percent": 14.15,
        "backward_nme_percent": 21.75,
        "few_shot_nme_percent": {
            "1": {"mean": 48.25, "deviation": 5.75}, "100": {"mean": 15.5, "deviation": 0.875},
        },
        "normalizer": "inter-ocular distance",
        "protocol": "the protocol in words",
        "fitted_on": 1000,
        "tested_on": 500,
        "health": {"min_stddev_px": 4.25, "min_distance_px": 3.5, "surface_spread_ratio": 0.31},
    },
    "consistency": {
        "pairs": 200,
        "normalizer": "inter-ocular distance of the second picture",
        "protocol": "how it was measured",
        "landmarks_carried_by_flow": {
            "px": 1.25, "percent": 8.5, "identity_px": 9.0, "identity_percent": 60.5,
            "untrained_px": 11.0, "untrained_percent": 70.5,
        },
        "landmarks_true": {
            "px": None, "percent": None, "fixed_px": 9.5, "fixed_percent": 61.5,
            "untrained_px": 8.0, "untrained_percent": 62.5,
        },
    },
}  # fmt: skip
CONFIG = {"landmarks": 10, "seed": 3, "name": "mine", "model": {"trunk": "small", "width": [1, 2]}}
PAPER = {"landmarks": 10, "seed": 0, "name": None, "model": {"trunk": "resnet50", "width": [1]}}


@pytest.fixture
def folder(tmp_path):
    described = {"experiment": "c3_faces", "preset": "laptop", "config": CONFIG}
    runs.write_json(tmp_path / "config.json", described)
    rows = [{"step": s, "stage": "joint", "loss": 1 / s} for s in range(1, 9)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def picture():
    return Picture("landmarks", "A <title>", "caption", Image.new("RGB", (6, 4), "red"))


def test_a_report_is_one_file_with_its_pictures_in_it(folder, picture):
    path = write_report(folder, RESULTS, [picture])
    page = path.read_text(encoding="utf-8")
    assert path == folder / "report.html"
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 2 and all(s.startswith("data:image/png;base64,") for s in sources)
    assert "http" not in page and "<script" not in page
    files = {(folder / "pictures" / f"{name}.png").read_bytes() for name in ("landmarks", "losses")}
    assert {base64.b64decode(s.partition(",")[2]) for s in sources} == files
    assert "A &lt;title&gt;" in page


def test_a_report_tells_the_numbers_the_baselines_and_the_protocol(folder):
    page = write_report(folder, RESULTS).read_text(encoding="utf-8")
    for text in ("12.35", "57.10", "56.20", "54.30", "the protocol in words", "1,000", "0.31"):
        assert text in page
    for text in ("14.15", "21.75", "48.25 / 15.50", "5.75", "0.88"):
        assert text in page
    for text in ("8.50", "60.50", "61.50", "70.50", "how it was measured", "seed 3", "12 min 34 s"):
        assert text in page
    assert "as published" not in page
    assert ">nan<" not in page and ">None<" not in page


def test_a_report_names_what_differs_from_the_preset(folder):
    page = write_report(folder, RESULTS, differing=differences(CONFIG, PAPER)).read_text(
        encoding="utf-8"
    )
    assert "preset paper" in page
    rows = dict(re.findall(r"<tr><td>([\w.]+)</td><td class=\"number\">([^<]*)</td>", page))
    assert rows["model.trunk"] == "small" and rows["model.width"] == "1, 2" and rows["seed"] == "3"
    assert "landmarks" not in rows and "name" not in rows


def test_a_run_without_annotations_or_metrics_has_a_report_too(folder):
    (folder / "metrics.jsonl").unlink()
    results = {name: RESULTS[name] for name in RESULTS if name != "landmarks"}
    bare = {"px": 1.5, "identity_px": 2.5, "untrained_px": 3.5}
    results["consistency"] = {"pairs": 5, "protocol": "p", "landmarks_carried_by_flow": bare}
    page = write_report(folder, results).read_text(encoding="utf-8")
    assert "3.50" in page and "<h2>Training" not in page
    assert page.count(">px</th>") == 1 and ">%</th>" not in page


def test_pictures_and_commands_come_right_behind_the_headline(folder, picture):
    typed = [("What it does:", "python -m experiments.detect 'my <photos>'")]
    page = write_report(folder, RESULTS, [picture], data="7 photos", commands=typed).read_text()
    titles = re.findall("<h2>(.*)</h2>", page)
    assert titles[:4] == ["Landmarks", "What to do next", "Pictures", "Consistency across images"]
    assert "<pre>python -m experiments.detect &#39;my &lt;photos&gt;&#39;</pre>" in page
    assert "4,500 steps in 12 min 34 s; 7 photos</p>" in page


def test_other_measurements_become_plain_tables(folder):
    results = RESULTS | {"tracking": {"pck": {"0.10": 71.5}, "protocol": "scnet"}}
    page = write_report(folder, results).read_text(encoding="utf-8")
    assert "<h2>Tracking" in page and "pck.0.10" in page and "71.50" in page


def test_differences_are_named_by_dotted_field_and_leave_out_names():
    assert differences(CONFIG, PAPER) == {
        "seed": (3, 0),
        "model.trunk": ("small", "resnet50"),
        "model.width": ([1, 2], [1]),
    }


def test_empty_sections_are_left_out():
    page = render("t", "l", [Section("empty"), Section("full", tables=[Table(["a"], [])])])
    assert "empty" not in page and "full" in page


@pytest.mark.parametrize(
    "value, text",
    [(None, "–"), (True, "yes"), (False, "no"), (12.345678, "12.35"), (0.0707, "0.0707"),
     (1e-5, "1e-05"), (0.0, "0.00"), (-3.0, "-3.00"), (160_000, "160,000"), ("a b", "a b")],
)  # fmt: skip
def test_a_cell_reads_well(value, text):
    assert format_cell(value) == text
