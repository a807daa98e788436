"""`python -m experiments.compare` of alignment runs: PCK over seeds, matches side by side."""

import dataclasses
import json

import pytest

from experiments import compare
from experiments.engine import runs
from tests.data_pipelines.pair_files import write_table
from tests.experiments.tiny_aligners import config, write_run
from tests.experiments.tiny_runs import call


@pytest.fixture
def folders(tmp_path):
    """A run of two seeds each with hard and kernel matches."""
    header = "source,target,source_points,target_points"
    table = write_table(tmp_path, "a.png,b.png,1;2;3;4,5;6;7;8", header=header)
    found = []
    for seed, (match, pck) in enumerate([("hard", 40.0), ("hard", 44.0), ("kernel", 50.0)]):
        chosen = config(name="pairs_csv", path=table)
        reading = dataclasses.replace(chosen.reading, match=match)
        chosen = dataclasses.replace(chosen, reading=reading, seed=seed)
        found.append(write_run(tmp_path / f"{match}-seed{seed}", chosen))
        alignment = {"pck": {"0.05": 1.0, "0.10": pck, "0.15": 99.0}}
        results = {"seed": seed, "steps": 7, "seconds": 1, "alignment": alignment}
        runs.write_json(found[-1] / "results.json", results)
    return found


def test_runs_stand_side_by_side_with_their_matches(folders, tmp_path, capsys):
    assert call(compare.main, *folders, "--out", tmp_path / "c.html") == 0
    assert "42.00 ± 2.83" in capsys.readouterr().out
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert page.count("<b>Matches: test</b>") == 2 and "PCK@.10" in page
    numbers = json.loads((tmp_path / "c.json").read_text())
    assert [group["name"] for group in numbers["groups"]] == ["hard", "kernel-seed2"]
