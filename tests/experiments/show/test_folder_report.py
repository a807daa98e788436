"""The report of a folder of photos speaks of them, and a browser shows all of it."""

import json
import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from data_pipelines.load import load
from experiments.c3_faces.evaluate import learned
from experiments.registry import load_trained
from experiments.show.report import conclude
from tests.experiments import tiny

CHROMIUM = shutil.which("chromium")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-background-networking --dump-dom".split()
LOOK = """<script>addEventListener("load", () => {
  document.title = JSON.stringify({
    pictures: document.images.length,
    broken: [...document.images].filter(each => !each.naturalWidth).length,
    small: [...document.images].filter(each => each.width < each.naturalWidth).length,
    overflow: document.documentElement.scrollWidth - innerWidth,
    width: innerWidth,
  })
})</script>"""


def trained_on(folder, photos, *, only=None):
    """A run of photos: random variables, or those of step 0 but for the groups `only`."""
    config = tiny.config(data={"name": "folder", "path": photos})
    model = tiny.recipe_of(config).build(config)
    first, random = model.first(), tiny.random_variables(config)
    params = {
        name: random["params"][name] if only is None or name in only else tree
        for name, tree in first["params"].items()
    }
    return load_trained(tiny.write_run(folder, config, {7: random | {"params": params}}))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos") / "my cars"
    folder.mkdir()
    for number in range(40):
        tiny.smooth_picture(48, 48, number).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def report(photos, tmp_path_factory):
    """The report of a run of which nothing but the warm-up was trained."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    trained = trained_on(folder, photos, only=["trunk", "pose", "pose_logits"])
    return conclude(trained, load(trained.config.data), folder, 1)


def test_what_has_learned_is_what_has_moved():
    tree = {name: {"kernel": np.ones(2), "bias": np.zeros(1)} for name in ("pose", "flow")}
    moved = tree | {"pose": tree["pose"] | {"bias": np.full(1, 1e-9)}}
    model = SimpleNamespace(random=lambda: {"params": tree})
    assert learned(SimpleNamespace(model=model, variables={"params": moved})) == {"pose"}


@pytest.mark.slow
def test_what_was_not_trained_is_not_reported(report, photos):
    page = report.read_text()
    titles = re.findall("<h2>(.*)</h2>", page)
    assert titles == ["Self-check, without labels", "What to do next", "Pictures", "Configuration"]
    assert {path.stem for path in (report.parent / "pictures").iterdir()} == {
        "numbered",
        "cut_outs",
    }
    body = page.partition("<body>")[2].partition("<h2>Config")[0]
    said = re.sub("<pre>.*?</pre>", "", body, flags=re.DOTALL)
    assert not re.search(r"inter-ocular|rendered|\b(head|faces?)\b", said)
    assert f"32 pictures of {photos}, 8 more are kept back" in page
    assert f"experiments.detect &#39;{photos}&#39; --checkpoint {report.parent}" in page


@pytest.mark.slow
def test_what_was_trained_is_reported_in_percent_of_the_side(photos, tmp_path):
    trained = trained_on(tmp_path / "mine", photos)
    assert learned(trained) >= {"flow", "decoder", "pose"}
    page = conclude(trained, load(trained.config.data), tmp_path / "mine", 1)
    page = page.read_text()
    assert "percent: of the side of the picture" in page and ">px</th>" in page
    for title in ("Landmarks across images", "Appearances and poses exchanged", "The cycle"):
        assert title in page
    assert not re.search("inter-ocular|rendered faces|by the truth", page.partition("<h2>Conf")[0])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_browser_shows_every_picture_and_nothing_sticks_out(report, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(report.read_text().replace("</head>", f"{LOOK}</head>"))
    window = ["--window-size=1280,900", "--virtual-time-budget=5000", f"--user-data-dir={tmp_path}"]
    shown = subprocess.run(
        [CHROMIUM, *FLAGS, *window, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    found = json.loads(re.search("<title>(.*?)</title>", shown, re.DOTALL)[1])
    assert found["width"] == 1280 and found["pictures"] == 2
    assert found["broken"] == 0 and found["small"] == 0 and found["overflow"] <= 0
