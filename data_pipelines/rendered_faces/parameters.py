"""What is drawn at random: one dictionary per identity, one per picture."""

import numpy as np

from data_pipelines.rendering.draws import (
    SPLITS,
    any_colour,
    draw_film,
    draw_light,
    pick,
    seeded,
    single,
    weighted,
)

STREAMS = ("identity", "view", "film")
IMAGES_PER_IDENTITY = 2

# Standard deviations in centimetres (ratios for width, height, depth and the stretches).
SHAPE = {
    "width": 0.04, "height": 0.045, "depth": 0.04,
    "jaw_width": 0.5, "chin_length": 0.5, "chin_out": 0.4, "chin_width": 0.35, "cheek_width": 0.35,
    "cheekbone": 0.3, "cheek_full": 0.35, "temples": 0.3, "forehead": 0.5, "brow_ridge": 0.2,
    "eye_spacing": 0.18, "eye_height": 0.15, "eye_depth": 0.15, "eye_size": 0.1, "eye_tilt": 0.07,
    "brow_height": 0.15, "brow_inner": 0.1, "brow_tilt": 0.06, "nose_length": 0.3, "nose_out": 0.35,
    "nose_width": 0.2, "nose_bridge": 0.2, "nose_hook": 0.18, "nose_tip": 0.18, "mouth_height": 0.2,
    "mouth_width": 0.22, "lip_full": 0.17, "lip_out": 0.15, "ear_out": 0.35, "ear_size": 0.1,
    "neck": 0.06,
}  # fmt: skip
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


def generator(seed, split, stream, number):
    """The random numbers of one identity, or of the view or the film of one picture."""
    return seeded(seed, SPLITS.index(split), STREAMS.index(stream), number)


def identity_of(split, index):
    """A number that no other split has."""
    return len(SPLITS) * (index // IMAGES_PER_IDENTITY) + SPLITS.index(split)


def tinted(palette, rng, at):
    """A colour on the way from palette[at] to a neighbour."""
    other = np.clip(at + rng.choice([-1, 1]), 0, len(palette) - 1)
    return palette[at] + rng.uniform(0, 0.4) * (palette[other] - palette[at])


def draw_shape(rng, feminine, dark):
    """Coefficients of the shape fields."""
    normal = np.clip(rng.normal(size=len(SHAPE)), -2.2, 2.2)
    shape = {name: float(n * std) for n, (name, std) in zip(normal, SHAPE.items(), strict=True)}
    for name, amount in SEX.items():
        shape[name] += -amount if feminine else amount
    for name, amount in TONE.items():
        shape[name] += dark * amount
    return shape


def draw_colours(rng, feminine, tone, age):
    """Skin, hair, eyes, lips: sRGB where people name it, squared to linear light as `*_light`."""
    skin = np.clip(tinted(SKINS, rng, tone) + rng.normal(0, 0.012, 3), 0.05, 1) ** 2
    dark = int(tone >= 4)
    grey = max(0.04, 3 * (age - 0.6))
    hair = tinted(HAIRS, rng, weighted(rng, [grey, *HAIR_CHANCES[dark]])) ** 2
    iris = tinted(IRISES, rng, weighted(rng, IRIS_CHANCES[dark])) ** 2
    brow = hair * rng.uniform(0.3, 0.9)
    lips = skin * [0.86, 0.52, 0.52]
    if feminine and rng.uniform() < 0.6:
        stick = (np.array([0.72, 0.14, 0.20]) + rng.uniform(-0.1, 0.12, 3)) ** 2
        lips = lips + rng.uniform(0.2, 0.75) * (stick - lips)
    shadow = feminine * rng.uniform(0, 0.7)
    return {
        "skin_light": skin,
        "hair_light": hair,
        "brow_light": brow,
        "lash": 0.25 * brow,
        "iris_light": iris,
        "lips": lips,
        "lid": skin * (1 - shadow * np.array([0.5, 0.6, 0.45])) * [0.9, 0.82, 0.8],
    }


def draw_identity(rng):
    """Shape, skin, hair, glasses and clothes of one person."""
    feminine = bool(rng.uniform() < 0.5)
    tone = weighted(rng, SKIN_CHANCES)
    age = float(rng.beta(1.5, 2.0))
    return single(
        draw_colours(rng, feminine, tone, age)
        | {
            "shape": draw_shape(rng, feminine, tone >= 4),
            "feminine": feminine,
            "age": age,
            "flush": float(rng.uniform(0.2, 1.0)),
            "freckles": max(0.0, float(rng.normal(-0.3, 0.5))) * (tone < 3),
            "blotch": rng.uniform(0, 200, 2),
            "hair_style": pick(rng, {k: v[not feminine] for k, v in STYLES.items()}),
            "hair_volume": float(rng.uniform(0.5, 1.3)),
            "hairline": float(rng.normal(0, 0.5)),
            "hair_length": float(rng.uniform(9, 24)),
            "hair_part": float(rng.choice([-1, 1]) * rng.uniform(0.3, 1)),
            "hair_wave": float(rng.uniform(0, 1)),
            "brow_thick": float(rng.uniform(0.22, 0.36) if feminine else rng.uniform(0.3, 0.5)),
            "brow_strength": float(rng.uniform(0.55, 0.95)),
            "beard": "none" if feminine else pick(rng, BEARDS),
            "glasses": pick(rng, GLASSES),
            "glasses_size": rng.uniform([2.1, 1.5], [2.75, 2.15]),
            "glasses_width": float(rng.uniform(0.16, 0.42)),
            "glasses_colour": any_colour(rng, 0.03, 0.5) * (rng.uniform() < 0.5),
            "shirt": any_colour(rng),
            "collar": any_colour(rng),
            "collar_depth": float(rng.uniform(0, 5)),
            "shirt_stripes": float(rng.uniform(1.5, 5) * (rng.uniform() < 0.2)),
        }
    )


def draw_expression(rng):
    """Smile, opening of the mouth in centimetres, pucker."""
    kind = pick(rng, EXPRESSIONS)
    calm, wide, narrow = rng.normal(0.05, 0.13), rng.uniform(0.4, 0.95), rng.uniform(0.3, 0.8)
    parted, opened = max(0.0, rng.normal(-0.05, 0.17)), rng.uniform(0.5, 2.2)
    return {
        "smile": float({"smile": wide, "laugh": wide, "pucker": 0.0}.get(kind, calm)),
        "drop": float(
            opened * (0.85 if kind == "laugh" else 1) if kind in ("open", "laugh") else parted
        ),
        "pucker": float(narrow) if kind == "pucker" else 0.0,
    }


def draw_view(rng):
    """Pose, expression, light and camera of one picture; angles in radians."""

    def angle(std, limit):
        return float(np.clip(rng.normal(0, std), -limit, limit))

    expression = draw_expression(rng)
    eyes = np.clip(rng.normal(-0.05 - 0.18 * expression["smile"], 0.12), -0.55, 0.2)
    return single(
        expression
        | draw_light(rng)
        | {
            "yaw": angle(0.42, np.pi / 4),
            "pitch": angle(0.15, 0.35),
            "roll": angle(0.15, 0.35),
            "body": rng.normal(0, [0.25, 0.06]),
            "iod": float(rng.uniform(0.20, 0.33)),  # frontal, a share of the picture
            "shift": rng.uniform(-1, 1, 2),
            "distance": float(rng.uniform(55, 130)),  # centimetres
            "brow_raise": float(rng.normal(0, 0.18)),
            "frown": max(0.0, float(rng.normal(-0.1, 0.2))),
            "eye_open": float(eyes),
            "gaze": rng.normal(0, [0.22, 0.1]),
        }
        | draw_film(rng)
    )
