"""What is drawn at random: a person, and the view of one picture."""

import functools

import numpy as np
from numpy.random import Generator

from data_pipelines.rendered.engine import draws
from data_pipelines.rendered.engine.draws import Drawn
from data_pipelines.rendered.faces.fields import FIELDS

# (seed, split, stream, number) -> the random numbers of one identity or one picture.
generator = functools.partial(draws.stream_of, ("identity", "view", "film"))
IMAGES_PER_IDENTITY = 2

SHAPE = {name: deviation for name, (deviation, _) in FIELDS.items() if deviation}
# Half the mean difference between men and women; between dark and light skins.
SEX = {
    "jaw_width": 0.3, "brow_ridge": 0.15, "chin_length": 0.2, "lip_full": -0.07, "eye_size": -0.05,
    "nose_width": 0.08, "neck": 0.09, "brow_height": -0.08, "cheek_full": -0.1, "nose_length": 0.1,
}  # fmt: skip
TONE = {"lip_full": 0.15, "nose_width": 0.2}

# sRGB, light to dark.
SKINS = np.array(
    [[0.96, 0.82, 0.74], [0.93, 0.76, 0.65], [0.88, 0.69, 0.56], [0.80, 0.60, 0.46],
     [0.69, 0.48, 0.35], [0.54, 0.36, 0.26], [0.41, 0.27, 0.20]]
)  # fmt: skip
HAIRS = np.array(
    [[0.66, 0.64, 0.62], [0.09, 0.07, 0.06], [0.20, 0.13, 0.09], [0.36, 0.23, 0.14],
     [0.55, 0.38, 0.22], [0.80, 0.64, 0.40], [0.60, 0.28, 0.13]]
)  # fmt: skip
IRISES = np.array(
    [[0.20, 0.12, 0.07], [0.34, 0.21, 0.11], [0.40, 0.36, 0.18], [0.33, 0.47, 0.37],
     [0.35, 0.50, 0.65]]
)  # fmt: skip
SKIN_CHANCES = (0.13, 0.2, 0.2, 0.17, 0.12, 0.1, 0.08)
# Chances of the colours, with light and with dark skin; grey hair comes with age.
HAIR_CHANCES = (0.3, 0.26, 0.16, 0.1, 0.08, 0.06), (0.72, 0.22, 0.04, 0, 0.02, 0)
IRIS_CHANCES = (0.25, 0.25, 0.15, 0.15, 0.2), (0.8, 0.15, 0.05, 0, 0)
# Chances of women, of men.
STYLES = {
    "short": (0.04, 0.28), "crop": (0.02, 0.15), "parted": (0.10, 0.17), "fringe": (0.08, 0.08),
    "long": (0.40, 0.05), "long_fringe": (0.18, 0.01), "tied": (0.12, 0.03), "curly": (0.06, 0.07),
    "receding": (0.0, 0.09), "bald": (0.0, 0.07),
}  # fmt: skip
BEARDS = {"none": 0.5, "stubble": 0.2, "full": 0.16, "moustache": 0.07, "goatee": 0.07}
GLASSES = {"none": 0.8, "round": 0.08, "square": 0.09, "dark": 0.03}
EXPRESSIONS = {"calm": 0.4, "smile": 0.28, "open": 0.12, "laugh": 0.15, "pucker": 0.05}


def identity_of(split: str, index: int) -> int:
    """A number that no other split has."""
    return len(draws.SPLITS) * (index // IMAGES_PER_IDENTITY) + draws.SPLITS.index(split)


def _tinted(palette, rng, at):
    """A colour on the way from palette[at] to a neighbour."""
    other = np.clip(at + rng.choice([-1, 1]), 0, len(palette) - 1)
    return palette[at] + rng.uniform(0, 0.4) * (palette[other] - palette[at])


def _draw_shape(rng: Generator, feminine: bool, dark: bool) -> dict[str, float]:
    """Coefficients of the shape fields."""
    amounts = np.clip(rng.normal(size=len(SHAPE)), -2.2, 2.2) * list(SHAPE.values())
    shape = dict(zip(SHAPE, amounts.tolist(), strict=True))
    for name, amount in SEX.items():
        shape[name] += -amount if feminine else amount
    for name, amount in TONE.items():
        shape[name] += dark * amount
    return shape


def _draw_colours(rng: Generator, feminine: bool, tone: int, age: float):
    """The palettes are sRGB, as people name colours; squared they are linear light."""
    skin = np.clip(_tinted(SKINS, rng, tone) + rng.normal(0, 0.012, 3), 0.05, 1) ** 2
    dark = int(tone >= 4)
    grey = max(0.04, 3 * (age - 0.6))
    hair = _tinted(HAIRS, rng, draws.weighted(rng, [grey, *HAIR_CHANCES[dark]])) ** 2
    iris = _tinted(IRISES, rng, draws.weighted(rng, IRIS_CHANCES[dark])) ** 2
    brow = hair * rng.uniform(0.3, 0.9)
    lips = skin * [0.86, 0.52, 0.52]
    if feminine and rng.uniform() < 0.6:
        stick = (np.array([0.72, 0.14, 0.20]) + rng.uniform(-0.1, 0.12, 3)) ** 2
        lips = lips + rng.uniform(0.2, 0.75) * (stick - lips)
    shadow = feminine * rng.uniform(0, 0.7)
    lid = skin * (1 - shadow * np.array([0.5, 0.6, 0.45])) * [0.9, 0.82, 0.8]
    colours = {"skin": skin, "hair": hair, "brow": brow, "lash": 0.25 * brow}
    colours |= {"iris": iris, "lips": lips, "lid": lid}
    return {name: colour.astype(np.float32) for name, colour in colours.items()}


def draw_identity(rng: Generator) -> Drawn:
    """Shape, skin, hair, glasses and clothes of a person; centimetres, glasses and clothes sRGB."""
    feminine = bool(rng.uniform() < 0.5)
    tone = draws.weighted(rng, SKIN_CHANCES)
    age = rng.beta(1.5, 2.0)
    styles = {style: chances[not feminine] for style, chances in STYLES.items()}
    return Drawn(
        feminine=feminine,
        age=age,  # 0 to 1
        colours=_draw_colours(rng, feminine, tone, age),
        shape=_draw_shape(rng, feminine, tone >= 4),
        flush=rng.uniform(0.2, 1.0),
        freckles=draws.positive(rng, -0.3, 0.5) * (tone < 3),
        blotch=rng.uniform(0, 200, 2),  # cell of the noise textures
        hair_style=draws.pick(rng, styles),
        hair_volume=rng.uniform(0.5, 1.3),
        hairline=rng.normal(0, 0.5),
        hair_length=rng.uniform(9, 24),
        hair_part=float(rng.choice([-1, 1]) * rng.uniform(0.3, 1)),
        hair_wave=rng.uniform(0, 1),
        brow_thick=rng.uniform(*((0.22, 0.36) if feminine else (0.3, 0.5))),
        brow_strength=rng.uniform(0.55, 0.95),
        beard="none" if feminine else draws.pick(rng, BEARDS),
        glasses=draws.pick(rng, GLASSES),
        glasses_size=rng.uniform([2.1, 1.5], [2.75, 2.15]),  # half width and half height
        glasses_width=rng.uniform(0.16, 0.42),
        glasses_colour=draws.any_colour(rng, 0.03, 0.5) * (rng.uniform() < 0.5),
        shirt=draws.any_colour(rng),
        collar=draws.any_colour(rng),
        collar_depth=rng.uniform(0, 5),
        shirt_stripes=rng.uniform(1.5, 5) * (rng.uniform() < 0.2),
    )


def _draw_expression(rng: Generator) -> dict[str, float]:
    """How far each of the fields of the expression is drawn."""
    kind = draws.pick(rng, EXPRESSIONS)
    calm, wide, narrow = rng.normal(0.05, 0.13), rng.uniform(0.4, 0.95), rng.uniform(0.3, 0.8)
    parted, opened = draws.positive(rng, -0.05, 0.17), rng.uniform(0.5, 2.2)
    return {
        "smile": {"smile": wide, "laugh": wide, "pucker": 0.0}.get(kind, calm),
        "jaw_drop": {"open": opened, "laugh": 0.85 * opened}.get(kind, parted),
        "pucker": narrow if kind == "pucker" else 0.0,
    }


def _angle(rng: Generator, deviation: float, limit: float) -> float:
    return float(np.clip(rng.normal(0, deviation), -limit, limit))


def draw_view(rng: Generator) -> Drawn:
    """Expression, light, pose and camera of one picture; angles in radians."""
    face = _draw_expression(rng)
    return Drawn(
        face=face,
        eye_open=float(np.clip(rng.normal(-0.05 - 0.18 * face["smile"], 0.12), -0.55, 0.2)),
        light=draws.draw_light(rng),
        yaw=_angle(rng, 0.42, np.pi / 4),
        pitch=_angle(rng, 0.15, 0.35),
        roll=_angle(rng, 0.15, 0.35),
        body=rng.normal(0, [0.25, 0.06]),  # yaw and roll of the chest
        iod=rng.uniform(0.20, 0.33),  # between the eyes, frontal, share of the picture
        shift=rng.uniform(-1, 1, 2),
        distance=rng.uniform(55, 130),  # of the camera, centimetres
        brow_raise=rng.normal(0, 0.18),
        frown=draws.positive(rng, -0.1, 0.2),
        gaze=rng.normal(0, [0.22, 0.1]),
        film=draws.draw_film(rng),
    )
