"""The notebook `docs/own_data.ipynb` runs from its first cell to its last."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.experiments.conftest import REPOSITORY, TINY

NOTEBOOK = REPOSITORY / "docs/own_data.ipynb"
STEPS = ("--pretrain.steps", "1", "--joint.steps", "1")
ENVIRONMENT = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def run_cell(source: str, names: dict) -> None:
    """Runs a cell as Jupyter does: lines that begin with ! are commands."""

    def system(line: str) -> None:
        command = shlex.split(line.format(**names))
        subprocess.run(command, check=True, env=os.environ | ENVIRONMENT)

    code = re.sub("^!(.*)$", lambda line: f"system({line[1]!r})", source, flags=re.MULTILINE)
    names["system"] = system
    exec(code, names)


@pytest.mark.slow
def test_the_notebook_runs(pictures, tmp_path, monkeypatch, capsys):
    photos = shutil.copytree(pictures, tmp_path / "my photos")
    rows = [f"{k}.png,{3 + k},4,{9 - k % 2},12" for k in range(6)]
    lines = ["image,nose_x,nose_y,chin_x,chin_y", *rows]
    (photos / "keypoints.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(REPOSITORY)  # the notebook chooses its folder itself
    names: dict = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            run_cell("".join(cell["source"]), names)
        if cell["id"] == "choose":
            options = " ".join((*TINY, *STEPS))
            names |= {"photos": photos, "runs": tmp_path / "runs", "options": options}
    assert len(names["found"]) == 6
    assert names["check"]["sentence"] in capsys.readouterr().out
    assert (names["run"] / "named/landmarks.jsonl").is_file()
