"""What is drawn at random: one dictionary per identity, one per picture."""

import numpy as np

SPLITS = ('train', 'validation', 'test')
IMAGES_PER_IDENTITY = 2

# Standard deviations in centimetres (or ratios for width, height, depth and the stretches).
SHAPE = {
    'width': 0.04, 'height': 0.045, 'depth': 0.04,
    'jaw_width': 0.5, 'chin_length': 0.5, 'chin_out': 0.4, 'chin_width': 0.35, 'cheek_width': 0.35,
    'cheekbone': 0.3, 'cheek_full': 0.35, 'temples': 0.3, 'forehead': 0.5, 'brow_ridge': 0.2,
    'eye_spacing': 0.18, 'eye_height': 0.15, 'eye_depth': 0.15, 'eye_size': 0.1, 'eye_tilt': 0.07,
    'brow_height': 0.15, 'brow_inner': 0.1, 'brow_tilt': 0.06, 'nose_length': 0.3, 'nose_out': 0.35,
    'nose_width': 0.2, 'nose_bridge': 0.2, 'nose_hook': 0.18, 'nose_tip': 0.18, 'mouth_height': 0.2,
    'mouth_width': 0.22, 'lip_full': 0.17, 'lip_out': 0.15, 'ear_out': 0.35, 'ear_size': 0.1,
}  # fmt: skip

# sRGB in [0, 1], light to dark.
SKINS = np.array(
    [[0.98, 0.85, 0.77], [0.95, 0.79, 0.67], [0.90, 0.71, 0.57], [0.82, 0.61, 0.46],
     [0.70, 0.49, 0.35], [0.54, 0.36, 0.26], [0.40, 0.26, 0.19]]
)  # fmt: skip
HAIRS = np.array(
    [[0.09, 0.07, 0.06], [0.20, 0.13, 0.09], [0.36, 0.23, 0.14], [0.55, 0.38, 0.22],
     [0.80, 0.64, 0.40], [0.60, 0.28, 0.13], [0.66, 0.64, 0.62]]
)  # fmt: skip
IRISES = np.array(
    [[0.20, 0.12, 0.07], [0.34, 0.21, 0.11], [0.40, 0.36, 0.18], [0.33, 0.47, 0.37], [0.35, 0.50, 0.65]]
)  # fmt: skip
HAIR_STYLES = ('short', 'crop', 'parted', 'fringe', 'long', 'long_fringe', 'tied', 'curly', 'receding', 'bald')


def generator(seed, split, stream, number):
    """The random stream of one identity (stream 0) or of one picture (streams 1 and 2)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, SPLITS.index(split), stream, number])))


def identity_of(split, index):
    """A number that no other split has."""
    return len(SPLITS) * (index // IMAGES_PER_IDENTITY) + SPLITS.index(split)


def between(palette, rng, weights=None):
    """A colour on the way between two neighbours of a palette."""
    at = rng.choice(len(palette), p=weights)
    other = np.clip(at + rng.choice([-1, 1]), 0, len(palette) - 1)
    return palette[at] + rng.uniform(0, 0.5) * (palette[other] - palette[at])


def hue(rng, low=0.05, high=0.95):
    """Any colour, from grey to saturated."""
    value, chroma = rng.uniform(low, high), rng.beta(1.2, 2.0)
    colour = rng.uniform(0, 1, 3)
    return np.clip(value * (1 - chroma * colour), 0, 1)


def draw_identity(rng):
    """Shape, skin, hair, glasses and clothes of one person."""
    feminine = rng.uniform() < 0.5
    tone = rng.choice(len(SKINS), p=[0.13, 0.2, 0.2, 0.17, 0.12, 0.1, 0.08])
    skin = np.clip(between(SKINS, rng, np.eye(len(SKINS))[tone]) + rng.normal(0, 0.012, 3), 0.05, 1)
    dark = tone >= 4
    age = rng.beta(1.5, 2.0)
    weights = np.array([0.30, 0.26, 0.16, 0.1, 0.08, 0.06, 0.04]) if not dark else np.array([0.7, 0.22, 0.04, 0, 0.02, 0, 0.02])
    if age > 0.75:
        weights = weights * [0.4, 0.5, 0.6, 0.6, 0.6, 0.3, 14]
    hair = between(HAIRS, rng, weights / weights.sum())
    styles = [0.04, 0.02, 0.10, 0.08, 0.40, 0.18, 0.12, 0.06, 0, 0] if feminine else [0.28, 0.15, 0.17, 0.1, 0.05, 0.01, 0.03, 0.06, 0.08, 0.07]
    style = str(rng.choice(HAIR_STYLES, p=np.array(styles) / np.sum(styles)))
    shape = {name: float(np.clip(rng.normal(), -2.2, 2.2)) * std for name, std in SHAPE.items()}
    lean = -1.0 if feminine else 1.0
    for name, amount in (('jaw_width', 0.3), ('brow_ridge', 0.15), ('chin_length', 0.2), ('lip_full', -0.07), ('eye_size', -0.04), ('nose_width', 0.08)):
        shape[name] += lean * amount
    if dark:
        shape['lip_full'] += 0.15
        shape['nose_width'] += 0.2
    beard = 'none' if feminine else str(rng.choice(['none', 'stubble', 'full', 'moustache', 'goatee'], p=[0.5, 0.2, 0.16, 0.07, 0.07]))
    glasses = str(rng.choice(['none', 'round', 'square', 'dark'], p=[0.8, 0.08, 0.09, 0.03]))
    return {
        'shape': shape,
        'feminine': feminine,
        'age': float(age),
        'skin': skin,
        'flush': float(rng.uniform(0.2, 1.0)),
        'freckles': float(max(0.0, rng.normal(-0.3, 0.5))) * (tone < 3),
        'blotch': rng.uniform(0, 200, 2),
        'hair': hair,
        'hair_style': style,
        'hair_volume': float(rng.uniform(0.5, 1.3)),
        'hairline': float(rng.normal(0, 0.5)),
        'hair_length': float(rng.uniform(9, 24)),
        'hair_part': float(rng.choice([-1, 1]) * rng.uniform(0.3, 1)),
        'hair_wave': float(rng.uniform(0, 1)),
        'brow': np.clip(hair * rng.uniform(0.55, 0.95), 0, 1),
        'brow_thick': float(rng.uniform(0.22, 0.36) if feminine else rng.uniform(0.3, 0.5)),
        'brow_strength': float(rng.uniform(0.55, 0.95)),
        'iris': between(IRISES, rng, [0.8, 0.15, 0.05, 0, 0] if dark else [0.25, 0.25, 0.15, 0.15, 0.2]),
        'lip_red': float(rng.uniform(0.6, 1.0) if feminine and rng.uniform() < 0.6 else rng.uniform(0.15, 0.5)),
        'lipstick': np.array([0.75, 0.12, 0.18]) + rng.uniform(-0.1, 0.12, 3),
        'shadow': float(rng.uniform(0, 0.7)) * feminine,
        'beard': beard,
        'glasses': glasses,
        'glasses_size': rng.uniform([2.1, 1.5], [2.75, 2.15]),
        'glasses_width': float(rng.uniform(0.16, 0.42)),
        'glasses_colour': hue(rng, 0.03, 0.5) if rng.uniform() < 0.5 else np.array([0.05, 0.05, 0.06]),
        'shirt': hue(rng),
        'collar': hue(rng),
        'collar_depth': float(rng.uniform(0, 5)),
    }


def draw_view(rng):
    """Pose, expression, light, camera and background of one picture."""
    def clipped(std, limit):
        return float(np.clip(rng.normal(0, std), -limit, limit))

    expression = str(rng.choice(['calm', 'smile', 'open', 'laugh', 'pucker'], p=[0.4, 0.28, 0.12, 0.15, 0.05]))
    faces = {
        'calm': (rng.normal(0.05, 0.12), max(0, rng.normal(-0.1, 0.15)), 0),
        'smile': (rng.uniform(0.4, 0.9), max(0, rng.normal(0.1, 0.2)), 0),
        'open': (rng.normal(0, 0.15), rng.uniform(0.6, 2.4), 0),
        'laugh': (rng.uniform(0.5, 1.0), rng.uniform(0.5, 1.8), 0),
        'pucker': (0.0, rng.uniform(0, 0.5), rng.uniform(0.3, 0.8)),
    }
    smile, drop, pucker = (float(v) for v in faces[expression])
    azimuth, height = rng.uniform(-1.3, 1.3), rng.uniform(-0.25, 1.0)
    key = np.array([np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)])
    warm = rng.normal(0, 0.1)
    return {
        'yaw': clipped(0.42, np.pi / 4),
        'pitch': clipped(0.15, 0.35),
        'roll': clipped(0.15, 0.35),
        'body': rng.normal(0, [0.25, 0.06]),
        'iod': float(rng.uniform(0.20, 0.33)),
        'shift': rng.uniform(-1, 1, 2),
        'distance': float(rng.uniform(55, 130)),
        'smile': smile,
        'drop': drop,
        'pucker': pucker,
        'brow_raise': float(rng.normal(0, 0.18)),
        'frown': float(max(0, rng.normal(-0.1, 0.2))),
        'eye_open': float(np.clip(rng.normal(-0.08 - 0.18 * smile, 0.12), -0.55, 0.2)),
        'gaze': rng.normal(0, [0.22, 0.1]),
        'key': key,
        'key_colour': rng.uniform(0.75, 1.25) * np.array([1 + warm, 1, 1 - warm]),
        'ambient': rng.uniform(0.28, 0.6) * (1 + rng.normal(0, 0.08, 3)),
        'rim': float(max(0, rng.normal(0, 0.35))),
        'shine': float(rng.uniform(0.02, 0.16)),
        'blur': float(max(0, rng.normal(0.15, 0.25))),
        'noise': float(abs(rng.normal(0, 0.012))),
        'contrast': float(np.exp(rng.normal(0, 0.1))),
        'tint': 1 + rng.normal(0, 0.03, 3),
    }
