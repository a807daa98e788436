"""Aeroplanes: airliners, jets, light aircraft."""

import numpy as np

from data_pipelines.rendered_objects.lofts import CLOSED, X, Z, bar, lathe, mirrored

TOP = 12  # column of the fuselage's back


def draw(rng):
    return {
        "radius": rng.uniform(0.075, 0.14),
        "nose": rng.uniform(0.1, 0.25),
        "tail": rng.uniform(0.25, 0.45),
        "tail_rise": rng.uniform(0.1, 0.8),
        "span": rng.uniform(0.55, 1.0),
        "chord": rng.uniform(0.2, 0.36),
        "taper": rng.uniform(0.25, 0.9),
        "sweep": rng.uniform(-0.03, 0.5),
        "dihedral": rng.uniform(-0.03, 0.12),
        "wing_at": rng.uniform(-0.05, 0.2),
        "wing_height": rng.uniform(-0.75, 0.8),
        "wing_thick": rng.uniform(0.018, 0.032),
        "tail_span": rng.uniform(0.24, 0.4),
        "tail_chord": rng.uniform(0.14, 0.24),
        "fin": rng.uniform(0.2, 0.38),
        "fin_sweep": rng.uniform(0.05, 0.28),
        "engine": rng.uniform(0.04, 0.075),
        "engine_at": rng.uniform(0.28, 0.5),
        "engine_length": rng.uniform(0.18, 0.32),
        "absent": ("engine_left", "engine_right") if rng.uniform() < 0.35 else (),
    }


def fuselage(s):
    z = np.array([-1, -0.85, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.65, 0.78, 0.88, 0.96, 1])
    behind = np.clip((z + 1) / (2 * s["tail"]), 0, 1)
    ahead = np.clip((1 - z) / (2 * s["nose"]), 0, 1)
    full = 0.12 + 0.88 * np.sin(np.pi / 2 * behind)
    full *= np.sqrt(np.clip(1 - (1 - ahead) ** 2, 0.02, 1))
    rise = s["radius"] * s["tail_rise"] * (1 - behind) ** 2
    droop = -0.25 * s["radius"] * (1 - ahead) ** 2
    path = np.stack([0 * z, rise + droop, z], -1)
    return bar(path, s["radius"] * full, s["radius"] * full, side=X, columns=16)


def blade(root, tip, chords, thick):
    """A wing from root to tip; its first column is the leading edge."""
    share = np.linspace(0, 1, 6)[:, None]
    chord = chords[0] + share[:, 0] * (chords[1] - chords[0])
    path = root + share * (np.asarray(tip) - root)
    return bar(path, chord / 2, thick * (chord / chords[0]) ** 0.5 / 2, side=Z, columns=12)


def wing(s):
    y = s["wing_height"] * s["radius"]
    root = np.array([0.3 * s["radius"], y, s["wing_at"]])
    tip = [s["span"], y + s["dihedral"] * s["span"], s["wing_at"] - s["sweep"] * s["span"]]
    return blade(root, tip, (s["chord"], s["chord"] * s["taper"]), 1.6 * s["wing_thick"])


def tailplane(s):
    y, z = s["radius"] * (0.8 * s["tail_rise"] + 0.1), -0.98 + s["tail_chord"] / 2
    tip = [s["tail_span"], y + 0.02, z - 0.8 * s["sweep"] * s["tail_span"]]
    return blade(np.array([0, y, z]), tip, (s["tail_chord"], 0.6 * s["tail_chord"]), 0.028)


def fin(s):
    root = np.array([0, s["radius"] * 0.6, -0.95 + s["tail_chord"] / 2])
    tip = [0, s["radius"] + s["fin"], root[2] - s["fin_sweep"]]
    return blade(root, tip, (1.15 * s["tail_chord"], 0.65 * s["tail_chord"]), 0.034)


def engine(s):
    x = s["engine_at"] * s["span"]
    y = s["wing_height"] * s["radius"] + s["dihedral"] * x - 0.9 * s["engine"]
    z = s["wing_at"] - s["sweep"] * x + 0.1 * s["chord"]
    along = s["engine_length"] * np.array([-0.5, -0.5, -0.5, 0, 0.35, 0.5, 0.5, 0.3, 0.3])
    radii = s["engine"] * np.array([CLOSED, 0.6, 0.6, 0.95, 1, 0.92, 0.8, 0.78, CLOSED])
    return lathe(Z, X, [x, y, z], along, radii, 12)


def build(s):
    right, level, jet = wing(s), tailplane(s), engine(s)
    return {
        "fuselage": fuselage(s),
        "wing_left": mirrored(right),
        "wing_right": right,
        "tailplane_left": mirrored(level),
        "tailplane_right": level,
        "fin": fin(s),
        "engine_left": mirrored(jet),
        "engine_right": jet,
    }


def cells():
    windows = [("glass", 5, 12, 14, 15), ("glass", 5, 12, 9, 10)]
    cockpit = [("glass", 13, 14, 10, 14), ("nose", 14, 99, 0, 99)]
    wings = [("wing", 0, 99, 0, 99), ("tips", 6, 99, 0, 99)]
    engines = [("engine", 0, 99, 0, 99), ("black", 6, 99, 0, 99)]
    return {
        "fuselage": [("belly", 0, 99, 1, 7), *windows, *cockpit],
        "fin": [("fin", 0, 99, 0, 99)],
        "engine_left": engines,
        "engine_right": engines,
    } | {f"{name}_{side}": wings for name in ("wing", "tailplane") for side in ("left", "right")}


MATERIALS = {
    "paint": "paint", "belly": "like", "glass": "glass", "nose": "like", "wing": "like",
    "tips": "like", "fin": "any", "engine": "like", "black": "black",
}  # fmt: skip
KEYPOINTS = {
    "nose": ("fuselage", 17, 0),
    "cockpit": ("fuselage", 13, TOP),
    "tail": ("fuselage", 2, TOP),
    "wing_tip_left": ("wing_left", 9, 0),
    "wing_tip_right": ("wing_right", 9, 0),
    "tailplane_tip_left": ("tailplane_left", 9, 0),
    "tailplane_tip_right": ("tailplane_right", 9, 0),
    "fin_tip": ("fin", 9, 0),
    "engine_left": ("engine_left", 5, 0),
    "engine_right": ("engine_right", 5, 0),
}
YAW, PITCH, STANDS = 40, (5, 35), False
