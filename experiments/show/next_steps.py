"""What one can do with a finished run, and what to type for it."""

import shlex
from pathlib import Path
from typing import Any

Words = list[Any]


def next_commands(trained: Any, folder: Path, check: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of what a command does and the command.

    Args:
      trained: a `recipe.Trained`.
      folder: of the run.
      check: its `self_check` object; {} where there is none.
    """
    mine, run = trained.config.data.name == "folder", ["--checkpoint", folder]
    names = ("path", "boxes", "crop")
    photos = {name: getattr(trained.config.data, name) for name in names} if mine else {}
    found: list[tuple[str, Words]] = []
    if trained.model.landmarks is not None:
        boxes = ["--boxes", photos["boxes"]] if photos.get("boxes") else []
        detect = ["detect", photos.get("path", "PHOTOS"), *boxes, *run]
        found.append(("Landmarks of photos as a table, and drawn on them:", detect))
        found.append(("The same on a page in the browser:", ["demo", folder]))
        fit = ["fit_keypoints", folder, "LABELS", "--out", "keypoints"]
        found.append(("Key points of one's own, from some labelled photos:", fit))
        others = ["--data.name", "folder", "--data.path", "OTHER_PHOTOS"]
        found.append(("Whether they are as good in other photos:", ["evaluate", *run, *others]))
    if trained.model.match is not None:
        purpose = "Where each place of one picture lies in another:"
        found.append((purpose, ["align", "A.jpg", "B.jpg", *run]))
    if mine and check.get("verdict", "good") != "good":
        found += when_not_good(trained.recipe.name, **photos)
    found.append(("The model alone, in a small folder:", ["export", folder]))
    return [(purpose, command(*words)) for purpose, words in found]


def when_not_good(
    experiment: str, path: Path, boxes: Path | None, crop: str
) -> list[tuple[str, Words]]:
    """What may help where the landmarks of one's own photos are not good yet."""
    options = photo_options(path, boxes, crop)
    found: list[tuple[str, Words]] = [
        (
            "It is not good yet. How many landmarks suit these photos:",
            ["choose_landmarks", *options],
        )
    ]
    if boxes is None:
        purpose = (
            "Where the object does not fill the photos: training with a box for each of them "
            "(boxes.csv with the header image,x0,y0,x1,y1):"
        )
        again = [experiment, "--data.name", "folder", *options, "--data.boxes", "boxes.csv"]
        found.append((purpose, again))
    return found


def photo_options(path: Path, boxes: Path | None, crop: str) -> Words:
    """The options that name photos, and say how they become square if not by the default."""
    own = {"path": path, "boxes": boxes, "crop": None if crop == "centre" else crop}
    return [word for name, value in own.items() if value for word in (f"--data.{name}", value)]


def command(name: str, *words: Any) -> str:
    """`python -m experiments.NAME` and its words, as a shell takes them.

    >>> command("detect", "my photos", "--format", "csv")
    "python -m experiments.detect 'my photos' --format csv"
    """
    return shlex.join(["python", "-m", f"experiments.{name}", *map(str, words)])
