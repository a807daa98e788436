"""`python -m experiments.demo`, and its page in a browser."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import experiments.demo
from c3jax.tools import demo
from experiments.registry import load_both
from tests.experiments.browser import browser, overflow
from tests.experiments.tiny import LANDMARKS, call, smooth_picture, write_run

REPOSITORY = Path(__file__).parents[2]


def test_where_a_run_matches_nothing_the_shipped_aligner_does(run_of):
    run = run_of("c3_faces")
    found = demo.load_models(run, load_both)
    assert found.detector.network.num_landmarks == LANDMARKS
    assert found.detector_name == str(run)
    assert found.aligner_name == "the aligner that comes with c3jax"


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    assert call(experiments.demo.main, tmp_path / "nowhere", "--port", 0) == 2
    assert "nowhere is no folder; give a run folder" in capsys.readouterr().err


@contextmanager
def served(*arguments):
    """The address of a page; Ctrl-C ends it quietly."""
    command = [sys.executable, "-m", "experiments.demo", "--port", "0", *map(str, arguments)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, **pipes)
    try:
        line = process.stdout.readline()
        yield re.search(r"http://127\.0\.0\.1:\d+", line)[0]
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, ("\n", ""))


@pytest.mark.slow
def test_the_page_in_a_browser(tmp_path):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    for name, size in (("a.png", (60, 40)), ("b.jpg", (40, 70))):
        smooth_picture(*size, 0).save(tmp_path / name)
    (tmp_path / "<b>broken.png").write_bytes(b"<html>")
    run = write_run(tmp_path / "run", "jlad")
    with browser() as page, served(run) as address:

        def all_of(selector):
            return page.find_elements(By.CSS_SELECTOR, selector)

        def text_of(selector):
            return page.find_element(By.CSS_SELECTOR, selector).text

        def until(condition):
            stale = [StaleElementReferenceException]  # replaced meanwhile
            WebDriverWait(page, 60, ignored_exceptions=stale).until(lambda _: condition())

        def choose(name, *files):
            paths = "\n".join(str(tmp_path / file) for file in files)
            page.find_element(By.ID, name).send_keys(paths)

        page.get(address)
        assert overflow(page, 400) == 0
        choose("photos", "a.png", "<b>broken.png", "b.jpg")
        until(lambda: "Landmarks found in 2 of 3" in text_of("#landmarks-status"))
        assert text_of("#landmarks-errors").startswith("<b>broken.png: not a picture")
        assert [card.text for card in all_of("#cards figcaption")] == ["a.png", "b.jpg"]
        assert len(all_of("#cards svg circle")) == 2 * 2 * LANDMARKS  # a disc and its rim
        assert len(all_of("#cards tbody tr")) == 2 * LANDMARKS

        choose("source", "a.png")
        until(lambda: "Now choose the target" in text_of("#matches-status"))
        choose("target", "<b>broken.png")
        until(lambda: "not a picture" in text_of("#matches-errors"))
        choose("target", "b.jpg")
        until(lambda: "Matched" in text_of("#matches-status"))
        stage = page.find_element(By.ID, "source-stage")
        stage.click()  # in its middle
        until(lambda: len(all_of("#points tbody tr")) == 1)
        _, x, y, *_ = map(float, text_of("#points tbody tr").split()[:5])
        clicked = 60 / stage.size["width"] + 0.05  # within a pixel of the screen, to a tenth
        assert abs(x - 29.5) < clicked and abs(y - 19.5) < clicked
        stage.send_keys(Keys.ARROW_RIGHT)
        until(lambda: abs(float(text_of("#points tbody tr").split()[1]) - x - 1) < 0.11)
        stage.send_keys(Keys.ENTER)
        until(lambda: len(all_of("#points tbody tr")) == 2)
        assert "Point 1: (29.5, 19.5) is carried to" in text_of("#matches-status")

        pictures = "return [...document.images].map(image => image.naturalWidth * !!image.alt)"
        assert len(page.execute_script(pictures)) == 5 and all(page.execute_script(pictures))
        assert overflow(page, 400) == overflow(page, 1280) == 0
        refused = [row for row in page.get_log("browser") if " 422 " not in row["message"]]
        assert refused == []
