"""`c3jax detect` on many pictures: batches, threads, parts, and what ends it in the middle."""

import numpy as np
import pytest

from c3jax import inference
from c3jax.tools import detect
from tests.c3jax.tools.test_detect import lines
from tests.c3jax.tools.test_detect import model as model
from tests.c3jax.tools.test_detect import photos as photos
from tests.experiments.tiny import call


def test_an_interrupt_leaves_what_was_found(model, photos, monkeypatch, capsys):
    look, seen = detect.detection, []

    def interrupted(*arguments):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(look(*arguments))
        return seen[-1]

    monkeypatch.setattr(detect, "detection", interrupted)
    assert call(detect.main, photos, "--checkpoint", model) == 130
    assert list(lines(photos.parent / "landmarks")) == ["a.png", "sub/a.png"]


def test_an_overlay_that_cannot_be_written_is_told(model, photos, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(28, "No space left on device", "overlays/a.png.jpg")

    monkeypatch.setattr(detect, "draw", full)
    assert call(detect.main, photos, "--checkpoint", model) == 2
    said = capsys.readouterr().err
    assert "overlays/a.png.jpg" in said and "No space left" in said
    assert len(lines(photos.parent / "landmarks")) == 3


def test_many_pictures_are_looked_at_in_batches(model, photos, monkeypatch):
    monkeypatch.setattr("c3jax.tools.inputs.BATCH", 2)
    sizes = []
    find = inference.LandmarkModel.find

    def counted(self, images):
        sizes.append(len(images))
        return find(self, images)

    monkeypatch.setattr(inference.LandmarkModel, "find", counted)
    arguments = [photos, "--checkpoint", model, "--no-overlays"]
    assert call(detect.main, *arguments) == 0
    found = lines(photos.parent / "landmarks")
    monkeypatch.setattr("c3jax.tools.inputs.PIXELS", 0)
    assert call(detect.main, *arguments) == 0
    assert sizes == [2, 1, 1, 1, 1]
    assert found.keys() == {"a.png", "sub/a.png", "sub/b.jpg"}
    for name, points_px in lines(photos.parent / "landmarks").items():
        np.testing.assert_allclose(points_px, found[name], atol=2e-3)


@pytest.mark.parametrize(("kind", "stem"), [("jsonl", ""), ("csv", ""), ("dlc", "_dlc")])
def test_shards_are_joined_by_cat(model, photos, kind, stem):
    out, suffix = photos.parent / "landmarks", "jsonl" if kind == "jsonl" else "csv"
    arguments = [photos, "--checkpoint", model, "--format", kind]
    assert call(detect.main, *arguments, "--out", "whole") == 0
    for shard in ("2/2", "1/2", "2/2"):  # the last replaces the first, and nothing else
        assert call(detect.main, *arguments, "--shard", shard) == 0
    parts = sorted(out.glob("*-of-*"))
    assert [part.name for part in parts] == [f"landmarks{stem}.{n}-of-2.{suffix}" for n in (1, 2)]
    whole = (photos.parent / "whole" / f"landmarks{stem}.{suffix}").read_text()
    rows, joined = whole.splitlines(), "".join(part.read_text() for part in parts).splitlines()
    assert [row.split(",")[0] for row in joined] == [row.split(",")[0] for row in rows]
    assert len({*out.rglob("*.jpg")}) == 3
    assert call(detect.main, *arguments) == 0
    assert [file.name for file in out.glob("*.*") if file.name != "README.txt"] == [
        f"landmarks{stem}.{suffix}"
    ]


def test_an_empty_readme_beside_other_files_is_nobodys_results(model, photos, capsys):
    """Alone it is that of another part, which is about to write it."""
    out = photos.parent / "landmarks"
    out.mkdir()
    (out / "README.txt").touch()
    arguments = [photos, "--checkpoint", model, "--shard", "1/2"]
    assert call(detect.main, *arguments) == 0
    (out / "README.txt").write_text("")
    assert call(detect.main, *arguments) == 2
    assert "holds other files" in capsys.readouterr().err
