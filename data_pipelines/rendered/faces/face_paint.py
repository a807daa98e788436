"""Colour of the skin, eyes, brows, lips and beard as functions of the canonical coordinate.

Colours are linear light, components first [3, p]; `who` and `view` are the drawn parameters.
"""

import numpy as np

from data_pipelines.rendered.engine.draws import Drawn
from data_pipelines.rendered.engine.film import Surface
from data_pipelines.rendered.engine.textures import (
    bell,
    column,
    look_up,
    mix,
    noise_textures,
    smoothstep,
)
from data_pipelines.rendered.faces.grids import EYE_X, MOUTH_X, MOUTH_Y, bump


def _eyeball(dx, dy, side, upper, who: Drawn, view: Drawn):
    """Sclera, iris, pupil and highlight; the iris stays round whatever the lids do."""
    white = column([0.74, 0.70, 0.68]) * (1 - 0.35 * smoothstep(np.abs(dx), 0.7, 1.4))
    size = 1 + who.shape["eye_size"]
    opening = (1 + view.eye_open) * size
    ix, iy = dx * size - side * view.gaze[0], dy * opening - view.gaze[1]
    radius = np.hypot(ix, iy)
    iris = who.colours["iris"][:, None] * (0.75 + 0.9 * radius)
    iris = mix(iris, 0.3 * iris, smoothstep(radius, 0.5, 0.64))
    eye = mix(white, iris, smoothstep(-radius, -0.70, -0.62))
    eye = mix(eye, [0.012, 0.01, 0.01], smoothstep(-radius, -0.34, -0.26))
    eye = eye * (1 - 0.5 * smoothstep(dy, upper - 0.4, upper))
    return mix(eye, [1, 1, 1], 0.85 * bell(np.hypot(ix + 0.2, iy - 0.2) / 0.11))


def _paint_eyes(colour, gloss, x, y, who: Drawn, view: Drawn):
    """Lids, lashes and eyeballs, in place."""
    near = np.flatnonzero((np.abs(np.abs(x) - EYE_X) < 2.3) & (np.abs(y) < 1.9))
    dx, dy, side = np.abs(x[near]) - np.float32(EYE_X), y[near], np.sign(x[near])
    # The lines of the lids, outwards from the middle of the eye.
    upper = 0.58 * np.sqrt(np.clip(1 - (np.abs(dx - 0.05) / 1.45) ** 2.1, 0, 1)) - 0.04
    lower = -0.46 * np.sqrt(np.clip(1 - (np.abs(dx + 0.05) / 1.45) ** 2.2, 0, 1))
    outside = np.abs(dx) >= 1.46
    inside = smoothstep(np.where(outside, -1, np.minimum(upper - dy, dy - lower)), -0.04, 0.06)
    c = colour[:, near]
    c = mix(c, who.colours["lid"], 0.55 * bell((dy - 0.85) / 0.32) * bell(dx / 1.2))
    crease = bell((dy - 0.98 + 0.18 * dx * dx) / 0.1) * (np.abs(dx) < 1.5)
    bag = bell((dy + 0.85 - 0.2 * dx * dx) / 0.18) * (np.abs(dx) < 1.3)
    c = c * (1 - 0.3 * crease - (0.1 + 0.2 * who.age) * bag)
    c = mix(c, _eyeball(dx, dy, side, upper, who, view), inside)
    thick = 0.09 + 0.05 * who.feminine
    lash = bell((dy - upper) / thick) * smoothstep(-np.abs(dx), -1.6, -1.4)
    low_lash = bell((dy - lower) / 0.06) * smoothstep(-np.abs(dx), -1.5, -1.2)
    c = mix(c, who.colours["lash"], 0.9 * lash) * (1 - 0.38 * low_lash)
    colour[:, near] = mix(c, 0.5 * c, bell(np.hypot(dx + 1.42, dy + 0.1) / 0.14) * 0.5)
    gloss[near] += inside * (0.6 - gloss[near])


def _paint_brows(colour, x, y, who: Drawn):
    """Brows, in place."""
    near = np.flatnonzero((np.abs(y - 2.1) < 1.4) & (np.abs(x) < 5.8))
    ax, dy = np.abs(x[near]), y[near]
    t = (ax - 1.2) / 3.7
    bent = np.clip(t, 0, 1)
    arc = 1.85 + 0.62 * np.sin(2.25 * bent) - 0.25 * t
    thick = who.brow_thick * (1.05 - 0.55 * bent)
    strands = look_up(noise_textures()[1], 20 * ax - 30 * dy, 40 * ax + 60 * dy)
    ends = smoothstep(t, -0.1, 0.12) * smoothstep(-t, -1.1, -0.85)
    cover = np.exp(-0.5 * np.abs((dy - arc) / thick) ** 3) * ends * (1 + 0.2 * strands)
    colour[:, near] = mix(
        colour[:, near], who.colours["brow"], np.clip(who.brow_strength * cover, 0, 1)
    )


def _mouth_hole(mx, my, view: Drawn):
    """Teeth, tongue and dark between the lips."""
    drop = view.face["jaw_drop"]
    height = np.clip((my + 0.1) / 0.2, 0, 1)
    edge = 1 - 0.6 / max(drop, 0.6)
    teeth = smoothstep(height, edge - 0.08, edge + 0.08) * min(1.0, drop / 0.5)
    gaps = 1 - 0.16 * bell(np.sin(mx * 4.2) / 0.18)
    tongue = 0.8 * smoothstep(-height, -0.4, -0.1) * (drop > 0.8)
    hole = mix(np.full((3, len(mx)), 0.02, np.float32), [0.045, 0.012, 0.012], 1.0)
    hole = mix(hole, [0.3, 0.07, 0.07], tongue)
    white = column([0.68, 0.64, 0.56]) * gaps * (1 - 0.4 * smoothstep(mx, 0.6, 2.2))
    return mix(hole, white, teeth * smoothstep(-mx, -2.3, -1.7))


def _paint_mouth(colour, gloss, x, y, who: Drawn, view: Drawn):
    """Lips and what is between them, in place."""
    near = np.flatnonzero((np.abs(x) < 3.6) & (np.abs(y - MOUTH_Y) < 1.9))
    mx, my = np.abs(x[near]), y[near] - np.float32(MOUTH_Y)
    t = np.clip(mx / MOUTH_X, 0, 1)
    top = 0.92 * np.sqrt(1 - t**1.8) * (1 - 0.42 * t) - 0.14 * bell(mx / 0.3)
    bottom = -1.10 * np.sqrt(1 - t**2.2) * (1 - 0.15 * t)
    lips = smoothstep(np.minimum(top - my, my - bottom), -0.1, 0.1) * (mx < MOUTH_X)
    c = colour[:, near]
    c = mix(c, who.colours["lips"][:, None] * np.where(my > 0, 0.8, 1.0).astype(np.float32), lips)
    c = c * (1 - 0.2 * bell((my + 1.42) / 0.22) * bell(mx / 1.3))
    opened = min(1.0, view.face["jaw_drop"] / 0.5)
    gap = smoothstep(0.105 - np.abs(my), -0.02, 0.03) * (mx < 0.98 * MOUTH_X)
    c = mix(c, _mouth_hole(mx, my, view), gap * (0.45 + 0.55 * opened))
    line = bell(my / 0.09) * smoothstep(-mx, -MOUTH_X - 0.15, -MOUTH_X + 0.1) * (1 - 0.7 * opened)
    corner = bell(np.hypot(mx - MOUTH_X - 0.05, my) / 0.2)
    colour[:, near] = c * (1 - 0.4 * line) * (1 - 0.3 * corner)
    gloss[near] = np.maximum(gloss[near], 0.35 * lips)


def _beard_cover(x, y, z, style):
    """Share of the skin that the beard hides, before strands."""
    ax = np.abs(x)
    lip = np.minimum(-5.0 - 0.12 * ax * ax - y, y + 6.35 + 0.25 * ax)
    moustache = smoothstep(lip, -0.1, 0.25) * (ax < 2.9)
    if style == "goatee":
        chin = smoothstep(-y - 8.35 + 0.08 * ax, 0, 0.5) * smoothstep(-ax, -3.0, -2.3)
        beside = smoothstep(-np.abs(ax - 2.95), -0.45, -0.2)
        cover = moustache + chin + beside * smoothstep(np.minimum(-5.6 - y, y + 9.5), -0.2, 0.3)
    elif style == "moustache":
        cover = moustache
    else:
        cheek = smoothstep(0.55 * (ax - 3.0) - y - 5.4, -0.4, 0.8) * smoothstep(ax, 2.6, 3.3)
        under = smoothstep(-y - 8.4, 0, 0.6)
        side = smoothstep(ax, 5.6, 6.4) * smoothstep(-y, 0.0, 1.5) * (z > -1.0)
        cover = (moustache + cheek + under + side) * smoothstep(z, -2.0, 0.0)
    lips = smoothstep(1.05 - np.hypot(ax / 2.6, (y + 7.1) / 1.25), 0, 0.12)
    return np.clip(cover, 0, 1) * (1 - lips)


def _paint_beard(colour, gloss, q, who: Drawn):
    """Beard or stubble, in place."""
    x, y, z = q
    grain = np.clip(look_up(noise_textures()[1], 12 * y + 5 * x, 40 * x + 9 * z), -2, 2)
    strength = 0.42 if who.beard == "stubble" else 0.97
    cover = np.clip(_beard_cover(x, y, z, who.beard) * strength * (1 + 0.12 * grain), 0, 1)
    colour[:] = mix(colour, who.colours["brow"][:, None] * (1 + 0.3 * grain), cover)
    gloss *= 1 - 0.8 * cover


def _creases(x, y, who: Drawn, view: Drawn):
    """Where light reaches less: sockets, nose, folds; 0 is open."""
    ax = np.abs(x)
    fold = bell((ax - 2.0 + 0.42 * (4.2 + y)) / 0.24)
    fold = fold * smoothstep(-y, 4.0, 4.8) * smoothstep(y, -7.2, -6.2)
    forehead = bell((np.sin(3.4 * y + 0.04 * x * x)) / 0.3) * bump(x, y, 0, 4.6, 2.6, 1.2)
    depth = 0.08 + 0.25 * who.age + 0.22 * max(view.face["smile"], 0)
    return (
        0.34 * bump(x, y, 2.0, 0.6, 0.85, 0.6)
        + 0.16 * bump(x, y, 3.2, -1.0, 1.2, 0.35)
        + 0.30 * bump(x, y, 2.0, -4.35, 0.28, 0.5)
        + 0.28 * bump(x, y, 0, -5.05, 1.0, 0.28)
        + depth * fold
        + 0.25 * max(0, who.age - 0.45) * forehead
    )


def skin_paint(q: np.ndarray, who: Drawn, view: Drawn) -> Surface:
    """The head at q [3, p]."""
    x, y, z = q
    clouds = noise_textures()[0]
    blotch = look_up(clouds, 9 * y + who.blotch[0], 9 * x + who.blotch[1])
    front = smoothstep(z, 0, 4)
    red = 0.5 * bump(x, y, 4.0, -3.4, 1.4, 1.3) + 0.5 * bump(x, y, 0, -4, 1.2, 1.0)
    colour = who.colours["skin"][:, None] * (1 + 0.035 * blotch)
    colour = colour * (1 + who.flush * front * red * column([0.05, -0.2, -0.18]))
    if who.freckles > 0:
        spots = smoothstep(look_up(clouds, 45 * y, 45 * x), 1.0, 1.6)
        spots = spots * bump(x, y, 2.5, -2.5, 2.2, 1.4)
        colour = mix(colour, colour * column([0.6, 0.45, 0.4]), who.freckles * spots)
    nostril = np.clip(1.15 * bump(x, y, 0.66, -4.78, 0.3, 0.15), 0, 1) * (z > 6)
    colour = mix(colour, colour * column([0.16, 0.08, 0.07]), nostril)
    gloss = 0.35 + 0.65 * bump(x, y, 0, -2.5, 0.8, 2.2)
    if who.beard != "none":
        _paint_beard(colour, gloss, q, who)
    _paint_mouth(colour, gloss, x, y, who, view)
    _paint_eyes(colour, gloss, x, y, who, view)
    _paint_brows(colour, x, y, who)
    return Surface(colour, gloss, 1 - front * np.clip(_creases(x, y, who, view), 0, 0.8))


def ear_shade(q: np.ndarray) -> np.ndarray:
    """Openness to the light inside the ear [p]."""
    x, y, z = q
    hollow = bell((y + 1.5 + 0.3 * z) / 1.2) * bell((z + 1.3) / 0.55)
    return 0.9 - 0.45 * hollow
