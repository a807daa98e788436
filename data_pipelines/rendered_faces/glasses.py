"""Glasses: two rims with lenses, a bridge and two arms, as flat ribbons."""

import numpy as np

POWERS = {"round": 2.0, "square": 4.5, "dark": 3.2}  # of the superellipse of a rim
LENS = {"dark": 0.93}  # cover of the lens


def ribbon(first, second):
    """Vertices and triangles of the strip between two lines of points [m, 3]."""
    m = len(first)
    k = np.arange(m - 1)
    faces = [np.stack([k, k + 1, m + k], 1), np.stack([k + 1, m + k + 1, m + k], 1)]
    return np.concatenate([first, second]), np.concatenate(faces)


def rim(middle, width, height, power, front):
    """A closed line of 25 points around the middle (x, y), bent around the face."""
    angle = np.linspace(0, 2 * np.pi, 25)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    x, y = np.sign(circle) * np.abs(circle) ** (2 / power)
    x, y = middle[0] + width * x, middle[1] + height * y
    return np.stack([x, y, front - 0.035 * x * x], -1)


def glasses_mesh(points, keypoints, who):
    """Vertices [3, n] in the head's axes, triangles [t, 3] and the cover of each [t]."""
    (width, height), half = who["glasses_size"], who["glasses_width"] / 2
    power, eyes = POWERS[who["glasses"]], keypoints[:, :2].T
    front = eyes[:, 2].max() + 1.5
    ear = 7.7 * (1 + who["shape"]["width"])
    up = np.array([0, half, 0])
    parts = []
    for x, y, _ in eyes:
        middle, sign = (1.02 * x, y - 0.25), np.sign(x)
        inner, line, outer = (
            rim(middle, width + d, height + d, power, front) for d in (-half, 0, half)
        )
        fan = np.stack([np.full(24, 25), np.arange(24), np.arange(1, 25)], 1)
        hinge = [
            middle[0] + sign * width,
            y + 0.35,
            front - 0.035 * (middle[0] + sign * width) ** 2,
        ]
        arm = np.array([hinge, [sign * ear, y + 0.6, -1.0]])
        parts += [
            (*ribbon(inner, outer), 1.0),
            (
                np.concatenate([line, line[:24].mean(0, keepdims=True)]),
                fan,
                LENS.get(who["glasses"], 0.06),
            ),
            (*ribbon(arm - up, arm + up), 1.0),
        ]
    (left, right), arch = eyes, np.sin(np.linspace(0, np.pi, 5))
    bridge = np.linspace(
        [1.02 * left[0] + width, left[1], front], [1.02 * right[0] - width, right[1], front], 5
    )
    bridge[:, 1] += 0.25 * arch
    parts.append((*ribbon(bridge - up, bridge + up), 1.0))
    starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in parts[:-1])])
    triangles = np.concatenate([t + s for (_, t, _), s in zip(parts, starts, strict=True)])
    vertices = np.concatenate([v for v, _, _ in parts]).T.astype(np.float32)
    cover = np.concatenate([np.full(len(t), c, np.float32) for _, t, c in parts])
    return vertices, triangles.astype(np.int32), cover
