"""Glasses: two rims, a bridge and two arms as flat ribbons."""

import numpy as np


def ribbon(inner, outer):
    """Vertices and triangles of the strip between two lines of points [m, 3]."""
    m = len(inner)
    k = np.arange(m - 1)
    faces = np.concatenate([np.stack([k, k + 1, m + k], 1), np.stack([k + 1, m + k + 1, m + k], 1)])
    return np.concatenate([inner, outer]), faces


def glasses_mesh(points, keypoints, who):
    """Vertices [n, 3] in the head's axes, triangles [t, 3] and cover of each triangle [t]."""
    width, height = who['glasses_size']
    half = who['glasses_width']
    power = {'round': 2.0, 'square': 4.5, 'dark': 3.2}[who['glasses']]
    angle = np.linspace(0, 2 * np.pi, 25)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    ring = np.sign(ring) * np.abs(ring) ** (2 / power)
    z = keypoints[:2, 2].max() + 1.5
    parts = []
    for eye in keypoints[:2]:
        middle = np.array([eye[0] * 1.02, eye[1] - 0.25, 0])

        def curve(w, h, middle=middle):
            flat = middle + np.concatenate([ring * [w, h], np.zeros((25, 1))], 1)
            flat[:, 2] = z - 0.035 * flat[:, 0] ** 2
            return flat

        parts.append((*ribbon(curve(width - half / 2, height - half / 2), curve(width + half / 2, height + half / 2)), 1.0))
        lens = curve(width, height)
        fan = np.stack([np.full(24, 25), np.arange(24), np.arange(1, 25)], 1)
        parts.append((np.concatenate([lens, lens[:24].mean(0, keepdims=True)]), fan, 0.93 if who['glasses'] == 'dark' else 0.06))
        sign = np.sign(eye[0])
        edge = middle + [sign * (width + half / 2), 0.6, z - 0.035 * (abs(eye[0]) + width) ** 2]
        ear = np.array([sign * (np.abs(points[:, 0]).max() * 0 + 7.7 * (1 + who['shape']['width'])), 0.6 + eye[1], -1.0])
        arm = np.stack([edge, ear])
        parts.append((*ribbon(arm - [0, half / 2, 0], arm + [0, half / 2, 0]), 1.0))
    left, right = keypoints[:2]
    bridge = np.linspace([left[0] * 1.02 + width, 0.1, z + 0.1], [right[0] * 1.02 - width, 0.1, z + 0.1], 5)
    bridge[:, 1] += (left[1] + right[1]) / 2 + 0.25 * np.sin(np.linspace(0, np.pi, 5))
    parts.append((*ribbon(bridge - [0, half / 2, 0], bridge + [0, half / 2, 0]), 1.0))
    start = np.cumsum([0] + [len(p[0]) for p in parts])
    vertices = np.concatenate([p[0] for p in parts])
    triangles = np.concatenate([p[1] + s for p, s in zip(parts, start, strict=False)])
    return vertices, triangles, np.concatenate([np.full(len(p[1]), p[2]) for p in parts])
