"""`python -m experiments.choose_landmarks --data.path DIR`: how many landmarks suit one's photos.

For each number a short training of C3's warm-up, in which landmarks learn to follow known warps and
keep apart, on features that a frozen trunk computes once; then the check without labels.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from PIL import Image

from c3jax.files.crops import Crop
from c3jax.tools.errors import UsageError, check_least
from c3jax.tools.outputs import check_folder, open_folder
from c3jax.training.checkpoints import digest
from data_pipelines.load import Data, DataConfig, load
from experiments.engine import cli, runs
from experiments.engine.networks import Variables, group_of, with_group
from experiments.engine.stages import check_options
from experiments.measure.landmark_counts import learn, make_views
from experiments.measure.self_check import pictures_of
from experiments.recipe import Recipe, Trained
from experiments.registry import OF_PHOTOS, find_recipe
from experiments.show.next_steps import command, photo_options
from experiments.show.page import Section, Table, render
from experiments.show.pictures import Picture, as_image, draw_points, sheet
from experiments.show.verdict import check_data, dead_share

NAME, TRAININGS = "choose_landmarks", "trainings"
README = f"""\
How many landmarks suit some photos, by c3jax, python -m experiments.{NAME}

{NAME}.html: a curve, what was found, and the command to go on with
{NAME}.json: the same as numbers
{TRAININGS}/: short trainings of a call that was stopped; the same call goes on with them
"""
PHOTOS, WARPS, BATCH = 200, 20, 16  # photos at most; warped copies of each; pairs in a step
ALIVE, NEAR = 0.9, 0.05  # share of the landmarks; of `same_spot`, below the best
SHOWN, SIDE = 6, 180  # pictures that are shown for each number, and their side in pixels
COLUMNS = {
    "num_landmarks": "landmarks",
    "alive": "share alive",
    "same_spot": "same spot",
    "follow": "follow",
    "warp_error_percent": "warp error, %",
    "verdict": "verdict so far",
}
CURVES = ("alive", "same_spot", "follow")


@dataclass(frozen=True)
class Photos:
    """Which photos."""

    path: Path
    """folder of photos, which is searched with all folders in it"""
    boxes: Path | None = None
    """CSV of image,x0,y0,x1,y1 for photos where the object is not centred"""
    crop: Crop = "centre"
    """how a photo becomes square: `inner` keeps the central 80 %"""


@dataclass(frozen=True)
class Options:
    """Try several numbers of landmarks on a folder of photos, each in a short training.

    Writes choose_landmarks.html and choose_landmarks.json: how many landmarks are alive, whether
    they mark the same spots, which number to take, and the command to go on with. Of more than 200
    photos 200 are taken.
    """

    data: Photos
    counts: tuple[int, ...] = (5, 10, 15, 20, 30)
    """numbers of landmarks to try"""
    steps: int = 400
    """of each training"""
    seed: int = 0
    out: Path = Path(NAME)
    """folder to write: a new one, or that of an earlier call, whose results are replaced"""

    def check(self) -> None:
        """Refuses what cannot be trained or written.

        Raises:
          UsageError: names the option.
        """
        if len(set(self.counts)) < 2:
            raise UsageError(f"--counts must name two different numbers, got {list(self.counts)}")
        check_least("--counts", min(self.counts), 2)
        check_least("--steps", self.steps, 1)
        check_folder(self.out.expanduser(), README)


def main() -> None:
    """Tries the numbers one after the other, then writes what was found."""
    options = tyro.cli(Options, prog=f"python -m experiments.{NAME}")
    options.check()
    recipe, out = find_recipe(OF_PHOTOS), options.out.expanduser()
    preset = next(iter(recipe.presets("folder").values()))
    config = replace(
        preset,
        data=DataConfig(name="folder", image_size=preset.data.image_size, **vars(options.data)),
        warmup=replace(preset.warmup, steps=options.steps, batch_size=BATCH),
        seed=options.seed,
    )
    check_options(config, 1)
    trunk = recipe.build(config).first("trunk")  # or what is missing, before photos are read
    data = load(config.data)
    print(f"data: {data.description}", flush=True)
    open_folder(out, README, ())
    configs = [replace(config, landmarks=count) for count in sorted(set(options.counts))]
    checks, tiles = try_each(configs, recipe, group_of(trunk, "trunk"), data, out / TRAININGS)
    number, reason = choose(checks)
    photos = ["--data.name", "folder", *photo_options(**vars(options.data))]
    results = {
        "photos": min(data.num_train, PHOTOS),
        "steps": options.steps,
        "seed": options.seed,
        "counts": checks,
        "landmarks": number,
        "reason": reason,
        "command": command(recipe.name, *photos, "--landmarks", number),
    }
    runs.write_json(out / f"{NAME}.json", results)
    page = render("How many landmarks", data.description, [section(results, tiles)])
    runs.replace_text(out / f"{NAME}.html", page)
    shutil.rmtree(out / TRAININGS)
    print(f"{reason}\n{results['command']}\nreport: {out / f'{NAME}.html'}")


def try_each(
    configs: Sequence[Any], recipe: Recipe, trunk: Variables, data: Data, folder: Path
) -> tuple[list[dict[str, Any]], list[list[Image.Image]]]:
    """Short trainings on some photos, in folders of their own that depend on all that matters.

    Returns:
      for each its `self_check` object with the share that is `alive`, and a row of pictures.
    """
    first, num_photos = configs[0], min(data.num_train, PHOTOS)
    photos = next(data.batches(batch_size=num_photos, seed=first.seed))["source"]
    print(f"features of {WARPS} warped copies of {num_photos} photos", flush=True)
    network, variables = recipe.build(first).network, with_group({}, "trunk", trunk)
    views = make_views(network, variables, photos, WARPS, first.warp, seed=first.seed)
    options = np.array([first.warmup.steps, first.seed])
    own = digest({"photos": photos, "options": options})[:12]
    shown, checks, tiles = pictures_of(data)[0][:SHOWN], [], []
    for config in configs:
        print(f"{config.landmarks} landmarks", flush=True)
        model = recipe.build(config)
        variables = with_group(model.random(), "trunk", trunk)
        place = folder / f"k{config.landmarks}-{own}"
        variables = learn(model.network, variables, views, config, place)
        trained = Trained(recipe, "", config, model, variables, config.warmup.steps, "warmup")
        check = check_data(trained.find_landmarks, data)
        checks.append({"alive": 1 - dead_share(check), **check})
        drawn = partial(draw_points, side=SIDE, numbered=True)
        tiles.append([*map(drawn, shown, trained.find_landmarks(shown))])
    return checks, tiles


def choose(checks: Sequence[dict[str, Any]]) -> tuple[int, str]:
    """The number of landmarks to take, and why.

    The largest with 90 % of its landmarks alive and `same_spot` within .05 of the best; where there
    is none, that with the largest product of the two.

    Args:
      checks: for each number its `self_check` object, and the share that is `alive`.
    """
    spots = [check["same_spot"] or 0.0 for check in checks]
    scores = {
        check["num_landmarks"]: check["alive"] * spot
        for check, spot in zip(checks, spots, strict=True)
    }
    good = [
        count
        for count, check, spot in zip(scores, checks, spots, strict=True)
        if check["alive"] >= ALIVE and spot >= max(spots) - NEAR
    ]
    what = (
        f"{100 * ALIVE:.0f} % of its landmarks alive that marks the same spots as well as the best "
        f"one, within {NEAR}"
    )
    if good:
        return max(good), f"{max(good)} landmarks: the largest number with {what}."
    nearest = max(scores, key=lambda count: scores[count])
    return nearest, f"No number has {what}. {nearest} comes nearest; try more --steps."


def section(results: dict[str, Any], tiles: list[list[Image.Image]]) -> Section:
    """The page: the advice, the numbers, their curve, and pictures in a row for each number."""
    counts = results["counts"]
    note = (
        f"After {results['steps']:,} steps on {results['photos']:,} photos, checked on "
        f"{counts[0]['pictures']:,} {counts[0]['made_on']}. Alive: landmarks that move, lie apart "
        "and mark a spot of the object. Same spot: 1 always, 0 by chance. The whole training is "
        "longer, and its report says how good it has become."
    )
    table = Table([*COLUMNS.values()], [[each[name] for name in COLUMNS] for each in counts], note)
    titles = [f"{each['num_landmarks']} landmarks" for each in counts]
    caption = "Landmarks of the same photos, a row for each number. A number should mark one spot."
    pictures = [
        Picture("curve", "By number of landmarks", "", draw_curve(counts, results["landmarks"])),
        Picture("landmarks", "Landmarks", caption, sheet(tiles, row_titles=titles)),
    ]
    go_on = [("To go on with it:", results["command"])]
    return Section("Advice", results["reason"], [table], pictures, commands=go_on)


def draw_curve(counts: Sequence[dict[str, Any]], chosen: int) -> Image.Image:
    """What was found for each number; a dotted line at the one that is chosen."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    numbers = [each["num_landmarks"] for each in counts]
    for name in CURVES:
        values = np.array([each[name] for each in counts], float)  # None is NaN
        axis.plot(numbers, values, marker="o", label=COLUMNS[name])
    axis.axvline(chosen, color="0.5", linestyle=":")
    axis.set(xlabel="landmarks", ylim=(0, 1.1), xticks=numbers)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return as_image(figure)


if __name__ == "__main__":
    cli.guarded(main)
