"""`python -m experiments.compare`: groups, spread, paired differences, refusals, the page."""

import dataclasses
import json
import re

import pytest

from c3jax.tools.measure.alignment import Reading
from experiments import compare
from experiments.engine import runs
from experiments.show import comparison
from tests.data_pipelines.pair_files import write_table
from tests.experiments import tiny
from tests.experiments.tiny import call

WITHOUT_FLOW = {"flow": False}
CHANGED = {"semantic_alignment": {"reading": Reading(match="hard")}, "jlad": {"uncertainty": False}}


def write(folder, seed, error, **changes):
    """A run folder with results and no checkpoint."""
    config = dataclasses.replace(tiny.config(), seed=seed, name=folder.name, **changes)
    runs.open_run(folder, "c3_faces", "laptop", config)
    results = {"experiment": "c3_faces", "seed": seed, "steps": 100, "seconds": 60}
    landmarks = {"nme_percent": error, "mean_shape_nme_percent": 50.0}
    runs.write_json(folder / "results.json", {**results, "landmarks": landmarks})
    return folder


@pytest.fixture
def folders(tmp_path):
    """Three seeds of a whole and two of one without flow: 10, 12, 17 and 11, 15."""
    whole = [write(tmp_path / f"c3-seed{s}", s, e) for s, e in ((0, 10.0), (1, 12.0), (2, 17.0))]
    return whole + [
        write(tmp_path / f"no_flow-seed{s}", s, e, **WITHOUT_FLOW)
        for s, e in ((0, 11.0), (1, 15.0))
    ]


def test_runs_that_differ_in_the_seed_alone_are_a_group(folders):
    groups = comparison.group_runs(comparison.read_runs(folders))
    assert [(g.name, g.seeds) for g in groups] == [("c3", [0, 1, 2]), ("no_flow", [0, 1])]
    assert comparison.differing_fields(groups) == {"flow": [True, False]}


def test_spread_and_paired_differences_are_those_of_the_sample(folders, tmp_path):
    assert call(compare.main, *folders, "--no-pictures", "--out", tmp_path / "page.html") == 0
    found = json.loads((tmp_path / "page.json").read_text())
    error = "landmarks.nme_percent"
    assert found["groups"][0]["numbers"][error] == {
        "mean": 13.0,
        "stddev": pytest.approx(13**0.5),
        "count": 3,
    }
    pair = found["paired_differences"][0]
    assert (pair["first"], pair["second"]) == ("c3", "no_flow")
    # seeds 0 and 1: 11 - 10 and 15 - 12
    assert pair["second_minus_first"][error] == {
        "mean": 2.0,
        "stddev": pytest.approx(2**0.5),
        "count": 2,
    }
    assert found["differing_fields"] == {"flow": {"c3": True, "no_flow": False}}
    assert len(found["runs"]) == 5 and found["runs"][2]["numbers"][error] == 17.0


def test_the_tables_are_printed(folders, tmp_path, capsys):
    assert call(compare.main, *folders, "--no-pictures", "--out", tmp_path / "page.html") == 0
    printed = capsys.readouterr().out
    assert re.search(r"^c3 +3 +13\.00 ± 3\.61 +50\.00 ± 0\.00", printed, re.M)
    assert re.search(r"^no_flow − c3 +2 +2\.00 ± 1\.41", printed, re.M)
    assert re.search(r"^flow +yes +no$", printed, re.M)
    assert re.search(r"^c3-seed2 +c3 +2 +100 +17\.00", printed, re.M)
    assert "not the same data" not in printed.lower()


def test_one_run_of_each_has_a_value_and_no_deviation(folders, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert call(compare.main, folders[0], folders[3], "--no-pictures", "--out", out) == 0
    assert re.search(r"^no_flow-seed0 − c3-seed0 +1 +1\.00 +0\.00", capsys.readouterr().out, re.M)


def test_runs_on_different_data_are_told_apart(tmp_path, capsys):
    other = tiny.config(data={"test_examples": 7}).data
    folders = write(tmp_path / "a", 0, 1.0), write(tmp_path / "b", 0, 2.0, data=other)
    assert call(compare.main, *folders, "--no-pictures") == 0
    assert "Not the same data (data.test_examples)" in capsys.readouterr().out
    assert (tmp_path / "compare.html").exists() and (tmp_path / "compare.json").exists()


def test_a_seed_that_was_run_twice_counts_once(tmp_path):
    folders = [
        write(tmp_path / n, s, e) for n, s, e in (("a", 0, 1.0), ("b", 0, 3.0), ("c", 1, 8.0))
    ]
    (group,) = comparison.group_runs(comparison.read_runs(folders))
    assert group.by_seed("landmarks.nme_percent") == {0: 2.0, 1: 8.0}


def test_runs_of_one_name_are_named_by_their_folder(tmp_path):
    folders = [write(tmp_path / parent / "run", 0, 1.0) for parent in ("a", "b")]
    names = [run.name for run in comparison.read_runs(folders)]
    assert len(set(names)) == 2 and names[0].endswith("a/run")


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda a, b: [a], "give two run folders or more to compare, got 1"),
        (lambda a, b: [a, a], "give two run folders or more to compare, got 1"),
        (lambda a, b: [a, a.parent / "nothing"], "nothing is no folder"),
        (lambda a, b: [a, a.parent], "config.json is missing"),
        (lambda a, b: ((b / "results.json").unlink(), [a, b])[1], "the run is not finished"),
        (lambda a, b: ((b / "results.json").write_text("{"), [a, b])[1], "is no JSON"),
        (lambda a, b: [a, b, "--out", a], "--out must be a file that ends in .html"),
        (lambda a, b: [a, b, "--out", "page.json"], "--out must be a file that ends in .html"),
        (lambda a, b: [a, b], "there are no checkpoints in"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(tmp_path, capsys, spoil, message):
    arguments = spoil(write(tmp_path / "a", 0, 1.0), write(tmp_path / "b", 0, 2.0, **WITHOUT_FLOW))
    assert call(compare.main, *arguments) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("error: ") and message in told
    assert not list(tmp_path.glob("*.html"))


def test_pictures_of_every_group_are_on_the_page(tmp_path, capsys):
    data = {"name": "labelled", "path": tiny.write_labelled(tmp_path / "labelled")}
    data |= {"fit_rows": "1-8", "test_rows": "9-14"}
    folders = []
    for name, changes in (("plain", WITHOUT_FLOW), ("whole", {})):
        folders.append(tiny.write_run(tmp_path / name, tiny.config(data=data, **changes)))
        results = {"experiment": "c3_faces", "seed": 0, "steps": 7, "seconds": 1}
        runs.write_json(folders[-1] / "results.json", results)
    assert call(compare.main, *folders, "--out", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 6 and "http" not in page
    assert "T of Figure 3 is that of whole." in page
    common = json.loads((tmp_path / "page.json").read_text())["common_flow"]
    assert common["flow_of"] == "whole"
    # the same random network twice, looked at with the same flow
    assert common["errors"]["plain"] == common["errors"]["whole"]
    assert "landmarks of the first runs, carried by the flow of whole" in capsys.readouterr().out


@pytest.mark.parametrize("experiment", ["semantic_alignment", "jlad"])
def test_runs_that_match_stand_side_by_side_with_their_pck_and_matches(
    experiment, tmp_path, capsys
):
    header = "source,target,source_points,target_points"
    table = write_table(tmp_path, "a.png,b.png,1;2;3;4,5;6;7;8", header=header)
    folders = []
    for seed, (changed, pck) in enumerate([(False, 40.0), (False, 44.0), (True, 50.0)]):
        data = {"name": "pairs_csv", "path": table}
        config = tiny.config(experiment, data=data, seed=seed)
        config = dataclasses.replace(config, **CHANGED[experiment] if changed else {})
        folders.append(tiny.write_run(tmp_path / f"{seed}", config))
        alignment = {"pck": {"0.05": 1.0, "0.10": pck, "0.15": 99.0}}
        results = {"seed": seed, "steps": 7, "seconds": 1, "alignment": alignment}
        runs.write_json(folders[-1] / "results.json", results)
    assert call(compare.main, *folders, "--out", tmp_path / "c.html") == 0
    assert "42.00 ± 2.83" in capsys.readouterr().out
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert page.count("<b>Matches: test</b>") == 2 and "PCK@.10" in page
    assert page.count("<b>Landmarks on pairs") == 2 * (experiment == "jlad")
    numbers = json.loads((tmp_path / "c.json").read_text())
    assert len(numbers["groups"]) == 2
