"""What each landmark marks: numbered on whole pictures, and cut out of many of them."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from c3jax.tools.overlays import PAPER, colors
from experiments.show.landmark_gallery import spread
from experiments.show.pictures import FINE, Picture, draw_points, place_on_tile, sheet
from experiments.show.verdict import DEAD

SHOWN, SIDE, COLUMNS = 18, 192, 6  # whole pictures, their side in pixels, and how many in a row
CUT_OUT, CUT_SIDE, SHARE = 11, 96, 0.25  # pictures that are cut from; of the side of a picture


def draw_spots(images: np.ndarray, landmarks: np.ndarray, check: dict[str, Any]) -> list[Picture]:
    """The landmarks on some pictures, and a row of cut-outs for each of them.

    Args:
      images: uint8 `[n, S, S, 3]`.
      landmarks: `[n, K, 2]`.
      check: the `self_check` object: which pictures they are, and which landmarks are of no use.
    """
    made_on = check["made_on"]
    return [draw_numbered(images, landmarks, made_on), draw_cut_outs(images, landmarks, check)]


def draw_numbered(images: np.ndarray, landmarks: np.ndarray, made_on: str) -> Picture:
    """Numbered landmarks on a sheet of pictures; `made_on` says which pictures they are."""
    shown = spread(len(images), SHOWN)
    tiles = [draw_points(images[n], landmarks[n], side=SIDE, numbered=True) for n in shown]
    return Picture(
        "numbered",
        "Landmarks",
        f"Found in {made_on}; counted from 0. A number should mark the same spot in all of them.",
        sheet([tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]),
    )


def draw_cut_outs(images: np.ndarray, landmarks: np.ndarray, check: dict[str, Any]) -> Picture:
    """A row for each landmark: what lies around it in different pictures."""
    shown, count = spread(len(images), CUT_OUT), landmarks.shape[1]
    rows = [
        [
            draw_surroundings(images[n], landmarks[n, k], SHARE, side=CUT_SIDE, color=color)
            for n in shown
        ]
        for k, color in enumerate(colors(count))
    ]
    faults = {k: name for name in DEAD for k in check.get(name, [])}
    return Picture(
        "cut_outs",
        "What each landmark marks",
        "A row is a landmark: what lies around it, in the ring, in different pictures. A landmark "
        "that means something shows the same part of the object all along its row. One that the "
        "self-check names has its fault beside it.",
        sheet(
            rows, row_titles=[" ".join([str(k), *faults.get(k, "").split()]) for k in range(count)]
        ),
    )


def draw_surroundings(
    image: np.ndarray, point: np.ndarray, share: float, *, side: int, color: tuple[int, int, int]
) -> Image.Image:
    """What lies around a point of an image, as a square tile with a ring about its middle.

    Args:
      image: uint8 `[S, S, 3]`; white lies around it.
      point: (x, y) in [-1, 1].
      share: side of the square, of that of the image.
      side: of the tile in pixels.
      color: of the ring.
    """
    size = len(image)
    x, y = place_on_tile(point, size, size) / FINE
    reach, middle = share * size / 2, FINE * side / 2
    around = Image.fromarray(image).transform(
        (FINE * side,) * 2,
        Image.Transform.EXTENT,
        (x - reach, y - reach, x + reach, y + reach),
        Image.Resampling.BICUBIC,
        fillcolor=PAPER,
    )
    draw = ImageDraw.Draw(around)
    for radius, fill, width in ((FINE * 8, (0, 0, 0), FINE * 4), (FINE * 7, color, FINE * 2)):
        corners = [middle - radius, middle - radius, middle + radius, middle + radius]
        draw.ellipse(corners, outline=fill, width=width)
    return around.resize((side, side), Image.Resampling.LANCZOS)
