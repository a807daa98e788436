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
    data, run = trained.config.data, ["--checkpoint", folder]
    photos = data if data.name == "folder" else None
    found: list[tuple[str, Words]] = []
    if trained.model.landmarks is not None:
        boxes = ["--boxes", photos.boxes] if photos and photos.boxes else []
        mine = ["detect", photos.path if photos else "PHOTOS", *boxes, *run]
        found.append(("Landmarks of photos as a table, and drawn on them:", mine))
        others = ["--data.name", "folder", "--data.path", "OTHER_PHOTOS"]
        found.append(("Whether they are as good in other photos:", ["evaluate", *run, *others]))
    if trained.model.match is not None:
        purpose = "Where each place of one picture lies in another:"
        found.append((purpose, ["align", "A.jpg", "B.jpg", *run]))
    if photos and check.get("verdict", "good") != "good":
        found += when_not_good(trained.recipe.name, photos)
    found.append(("The model alone, in a small folder:", ["export", folder]))
    return [(purpose, command(*words)) for purpose, words in found]


def when_not_good(experiment: str, photos: Any) -> list[tuple[str, Words]]:
    """What may help where the landmarks of one's own photos are not good yet."""
    options = photo_options(photos)
    found: list[tuple[str, Words]] = [
        (
            "It is not good yet. How many landmarks suit these photos:",
            ["choose_landmarks", *options],
        )
    ]
    if photos.boxes is None:
        purpose = (
            "Where the object does not fill the photos: training with a box for each of them "
            "(boxes.csv with the header image,x0,y0,x1,y1):"
        )
        again = [experiment, "--data.name", "folder", *options, "--data.boxes", "boxes.csv"]
        found.append((purpose, again))
    return found


def photo_options(photos: Any) -> Words:
    """The options that name photos (`path`, `boxes`, `crop`) and differ from the defaults."""
    boxes = ["--data.boxes", photos.boxes] if photos.boxes else []
    crop = [] if photos.crop == "centre" else ["--data.crop", photos.crop]
    return ["--data.path", photos.path, *boxes, *crop]


def command(name: str, *words: Any) -> str:
    """`python -m experiments.NAME` and its words, as a shell takes them.

    >>> command("detect", "my photos", "--format", "csv")
    "python -m experiments.detect 'my photos' --format csv"
    """
    return shlex.join(["python", "-m", f"experiments.{name}", *map(str, words)])
