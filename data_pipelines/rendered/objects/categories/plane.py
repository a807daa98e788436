"""Aeroplanes: airliners, jets, light aircraft."""

import numpy as np
from numpy import s_

from data_pipelines.rendered.objects.categories import ALL, Shape, both, pair
from data_pipelines.rendered.objects.lofts import CLOSED, X, Z, bar, lathe

ENGINES = ("engine_left", "engine_right")
TOP = 12  # column of the fuselage's back

# Lengths share one unit, the fuselage is 2 long; nose, tail, tail_rise, taper, sweep, dihedral,
# wing_height and engine_at are shares of other lengths.
SHAPE = (
    {"radius": (0.075, 0.14), "nose": (0.1, 0.25), "tail": (0.25, 0.45), "tail_rise": (0.1, 0.8)},
    {"span": (0.55, 1.0), "chord": (0.2, 0.36), "taper": (0.25, 0.9)},
    {"sweep": (-0.03, 0.5), "dihedral": (-0.03, 0.12)},
    {"wing_at": (-0.05, 0.2), "wing_height": (-0.75, 0.8), "wing_thick": (0.018, 0.032)},
    {"tail_span": (0.24, 0.4), "tail_chord": (0.14, 0.24)},
    {"fin": (0.2, 0.38), "fin_sweep": (0.05, 0.28)},
    {"engine": (0.04, 0.075), "engine_at": (0.28, 0.5), "engine_length": (0.18, 0.32)},
    {"absent": lambda rng: ENGINES if rng.uniform() < 0.35 else ()},
)


def build(s: Shape) -> dict[str, np.ndarray]:
    """The parts of one plane."""
    radius, chord, y = s.radius, s.tail_chord, s.wing_height * s.radius
    wing = [s.span, y + s.dihedral * s.span, s.wing_at - s.sweep * s.span]  # its tip
    thick, chords = 1.6 * s.wing_thick, (s.chord, s.chord * s.taper)
    wing = _blade([0.3 * radius, y, s.wing_at], wing, chords, thick)
    high, z = radius * (0.8 * s.tail_rise + 0.1), -0.98 + chord / 2
    tip = [s.tail_span, high + 0.02, z - 0.8 * s.sweep * s.tail_span]
    tailplane = _blade([0, high, z], tip, (chord, 0.6 * chord), 0.028)
    z = -0.95 + chord / 2
    tip = [0, radius + s.fin, z - s.fin_sweep]
    return {
        "fuselage": _fuselage(s),
        **both("wing", wing),
        **both("tailplane", tailplane),
        "fin": _blade([0, radius * 0.6, z], tip, (1.15 * chord, 0.65 * chord), 0.034),
        **both("engine", _engine(s)),
    }


def _fuselage(s: Shape):
    z = np.array([-1, -0.85, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.65, 0.78, 0.88, 0.96, 1])
    behind = np.clip((z + 1) / (2 * s.tail), 0, 1)
    ahead = np.clip((1 - z) / (2 * s.nose), 0, 1)
    full = 0.12 + 0.88 * np.sin(np.pi / 2 * behind)
    full *= np.sqrt(np.clip(1 - (1 - ahead) ** 2, 0.02, 1))
    rise = s.radius * s.tail_rise * (1 - behind) ** 2
    droop = -0.25 * s.radius * (1 - ahead) ** 2
    path = np.stack([0 * z, rise + droop, z], -1)
    return bar(path, s.radius * full, s.radius * full, columns=16)


def _blade(root, tip, chords, thick):
    """A wing from root to tip; its first column is the leading edge."""
    share, root = np.linspace(0, 1, 6)[:, None], np.array(root)
    chord = chords[0] + share[:, 0] * (chords[1] - chords[0])
    path = root + share * (np.asarray(tip) - root)
    return bar(path, chord / 2, thick * (chord / chords[0]) ** 0.5 / 2, side=Z, columns=12)


def _engine(s: Shape):
    x = s.engine_at * s.span
    y = s.wing_height * s.radius + s.dihedral * x - 0.9 * s.engine
    z = s.wing_at - s.sweep * x + 0.1 * s.chord
    along = s.engine_length * np.array([-0.5, -0.5, -0.5, 0, 0.35, 0.5, 0.5, 0.3, 0.3])
    radii = s.engine * np.array([CLOSED, 0.6, 0.6, 0.95, 1, 0.92, 0.8, 0.78, CLOSED])
    return lathe(Z, X, [x, y, z], along, radii, 12)


MATERIALS = {
    "paint": ("paint",),
    "belly": ("like", ("fuselage", s_[:, 1:7])),
    "glass": ("glass", ("fuselage", s_[5:12, [9, 14]]), ("fuselage", s_[13, 10:14])),
    "nose": ("like", ("fuselage", s_[14:])),
    "wing": ("like", ("wing_*", ALL), ("tailplane_*", ALL)),
    "tips": ("like", ("wing_*", s_[6:]), ("tailplane_*", s_[6:])),
    "fin": ("any", ("fin", ALL)),
    "engine": ("like", ("engine_*", ALL)),
    "black": ("black", ("engine_*", s_[6:])),
}
KEYPOINTS = {
    "nose": ("fuselage", 17, 0),
    "cockpit": ("fuselage", 13, TOP),
    "tail": ("fuselage", 2, TOP),
    **pair("wing_tip_{}", "wing_{}", 9, 0, 0),
    **pair("tailplane_tip_{}", "tailplane_{}", 9, 0, 0),
    "fin_tip": ("fin", 9, 0),
    **pair("engine_{}", "engine_{}", 5, 0, 0),
}
YAW, PITCH, STANDS = 40, (5, 35), False
