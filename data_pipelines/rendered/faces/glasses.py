"""Glasses: two rims with lenses, a bridge and two arms, as flat ribbons."""

import numpy as np

from data_pipelines.rendered.engine.draws import Drawn

POWERS = {"round": 2.0, "square": 4.5, "dark": 3.2}  # of the superellipse of a rim
LENS = {"dark": 0.93}  # cover of the lens


def _ribbon(first, second):
    """Vertices, triangles and cover of the strip between two lines of points [m, 3]."""
    m = len(first)
    k = np.arange(m - 1)
    faces = [np.stack([k, k + 1, m + k], 1), np.stack([k + 1, m + k + 1, m + k], 1)]
    return np.concatenate([first, second]), np.concatenate(faces), 1.0


def _rim(middle, width, height, power, front):
    """A closed line of 25 points around the middle (x, y), bent around the face."""
    angle = np.linspace(0, 2 * np.pi, 25)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    x, y = np.sign(circle) * np.abs(circle) ** (2 / power)
    x, y = middle[0] + width * x, middle[1] + height * y
    return np.stack([x, y, front - 0.035 * x * x], -1)


def glasses_mesh(keypoints: np.ndarray, who: Drawn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices [3, n] in the head's axes, triangles [t, 3] and the cover of each [t]."""
    (width, height), half = who.glasses_size, who.glasses_width / 2
    power, eyes = POWERS[who.glasses], keypoints[:, :2].T
    front = eyes[:, 2].max() + 1.5
    ear = 7.7 * (1 + who.shape["width"])
    up = np.array([0, half, 0])
    fan = np.stack([np.full(24, 25), np.arange(24), np.arange(1, 25)], 1)
    parts = []
    for x, y, _ in eyes:
        middle, sign = (1.02 * x, y - 0.25), np.sign(x)
        inner, line, outer = (
            _rim(middle, width + d, height + d, power, front) for d in (-half, 0, half)
        )
        lens = np.concatenate([line, line[:24].mean(0, keepdims=True)])
        hinge = middle[0] + sign * width
        arm = np.array([[hinge, y + 0.35, front - 0.035 * hinge**2], [sign * ear, y + 0.6, -1.0]])
        glass = (lens, fan, LENS.get(who.glasses, 0.06))
        parts += [_ribbon(inner, outer), glass, _ribbon(arm - up, arm + up)]
    left, right = ([1.02 * x - np.sign(x) * width, y, front] for x, y, _ in eyes)
    bridge = np.linspace(left, right, 5)
    bridge[:, 1] += 0.25 * np.sin(np.linspace(0, np.pi, 5))
    parts.append(_ribbon(bridge - up, bridge + up))
    starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in parts[:-1])])
    triangles = np.concatenate([t + s for (_, t, _), s in zip(parts, starts, strict=True)])
    vertices = np.concatenate([v for v, _, _ in parts]).T.astype(np.float32)
    cover = np.concatenate([np.full(len(t), c, np.float32) for _, t, c in parts])
    return vertices, triangles.astype(np.int32), cover
