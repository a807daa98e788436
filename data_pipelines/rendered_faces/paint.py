"""Colours: skin, eyes, lips, hair and clothes as functions of the canonical coordinate."""

import functools

import numpy as np

from data_pipelines.rendered_faces.geometry import EYE_X, MOUTH_X, MOUTH_Y, bump


def smoothstep(x, low, high):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(colour, other, amount):
    """Covers colour [p, 3] with `other` by `amount` [p]."""
    return colour + amount[:, None] * (np.asarray(other, np.float32) - colour)


@functools.cache
def noise_textures():
    """Two periodic 256 x 256 textures about zero: clouds, and strands along the first axis."""
    rng = np.random.default_rng(7)
    frequency = np.fft.fftfreq(256)
    fy, fx = np.meshgrid(frequency, frequency, indexing='ij')
    white = np.fft.fft2(rng.normal(size=(2, 256, 256)))
    cloud = 1 / (np.hypot(fx, fy) + 0.012) ** 1.4
    strand = np.exp(-0.5 * (fy / 0.012) ** 2) / (np.abs(fx) + 0.03) ** 0.6 * (np.abs(fx) > 0.01)
    fields = np.fft.ifft2(white * np.stack([cloud, strand])).real
    return tuple((f / f.std()).astype(np.float32) for f in fields)


def look_up(texture, row, column):
    """Bilinear, periodic."""
    r0, c0 = np.floor(row).astype(np.int32), np.floor(column).astype(np.int32)
    fr, fc = (row - r0).astype(np.float32), (column - c0).astype(np.float32)
    r0, c0, r1, c1 = r0 & 255, c0 & 255, (r0 + 1) & 255, (c0 + 1) & 255
    top = texture[r0, c0] * (1 - fc) + texture[r0, c1] * fc
    return top * (1 - fr) + (texture[r1, c0] * (1 - fc) + texture[r1, c1] * fc) * fr


def eye_paint(colour, gloss, x, y, who, view):
    """Lids, lashes, sclera, iris and pupil."""
    ax = np.abs(x) - EYE_X
    near = np.flatnonzero((np.abs(ax) < 2.3) & (np.abs(y) < 1.9))
    dx, dy = ax[near], y[near]
    side = np.sign(x[near])
    upper = 0.56 * np.sqrt(np.clip(1 - (np.abs(dx - 0.05) / 1.45) ** 2.1, 0, 1)) - 0.04
    lower = -0.46 * np.sqrt(np.clip(1 - (np.abs(dx + 0.05) / 1.45) ** 2.2, 0, 1)) + 0.0 * dx
    over = np.minimum(upper - dy, dy - lower) * (np.abs(dx) < 1.46) - (np.abs(dx) >= 1.46)
    inside = smoothstep(over, -0.04, 0.06)
    c = colour[near]
    c = mix(c, who['lid'], 0.55 * np.exp(-0.5 * ((dy - 0.85) / 0.32) ** 2 - 0.5 * (dx / 1.2) ** 2))
    c = mix(c, c * 0.55, 0.6 * np.exp(-0.5 * ((dy - 0.95 + 0.18 * dx * dx) / 0.1) ** 2) * (np.abs(dx) < 1.5))
    c = mix(c, c * 0.68, 0.5 * np.exp(-0.5 * ((dy + 0.8 - 0.2 * dx * dx) / 0.16) ** 2) * (np.abs(dx) < 1.3))
    white = np.array([0.80, 0.76, 0.73]) * (1 - 0.35 * smoothstep(np.abs(dx), 0.7, 1.4))[:, None]
    white = white * (1 - 0.45 * smoothstep(dy, upper - 0.35, upper))[:, None]
    opening = (1 + view['eye_open']) * (1 + who['shape']['eye_size'])
    gx, gy = view['gaze']
    ix, iy = dx * (1 + 0.7 * who['shape']['eye_size']) - side * gx, dy * opening - gy
    radius = np.hypot(ix, iy)
    iris = who['iris_linear'] * (0.75 + 0.5 * radius / 0.6)[:, None]
    iris = mix(iris, iris * 0.3, smoothstep(radius, 0.5, 0.62))
    eye = mix(white, iris, smoothstep(-radius, -0.66, -0.58))
    eye = mix(eye, [0.012, 0.01, 0.01], smoothstep(-radius, -0.32, -0.24))
    eye = mix(eye, [1, 1, 1], 0.85 * np.exp(-0.5 * (np.hypot(ix - side * 0.0 + 0.2, iy - 0.2) / 0.11) ** 2))
    c = mix(c, eye, inside)
    lash = np.exp(-0.5 * ((dy - upper) / (0.10 + 0.05 * who['feminine'])) ** 2) * smoothstep(-np.abs(dx), -1.6, -1.4)
    c = mix(c, who['lash'], 0.9 * lash)
    low_lash = np.exp(-0.5 * ((dy - lower) / 0.06) ** 2) * smoothstep(-np.abs(dx), -1.5, -1.2)
    c = mix(c, c * 0.45, 0.7 * low_lash)
    colour[near] = c
    gloss[near] = gloss[near] * (1 - inside) + 0.6 * inside


def brow_paint(colour, x, y, who):
    near = np.flatnonzero((np.abs(y - 2.1) < 1.4) & (np.abs(x) < 5.8))
    ax, dy = np.abs(x[near]), y[near]
    t = (ax - 1.2) / 3.7
    arc = 1.85 + 0.62 * np.sin(np.clip(t, 0, 1) * 2.25) - 0.25 * t
    thick = who['brow_thick'] * (1.05 - 0.55 * np.clip(t, 0, 1))
    strands = look_up(noise_textures()[1], 20 * ax - 30 * dy, 40 * ax + 60 * dy)
    cover = np.exp(-0.5 * np.abs((dy - arc) / thick) ** 3) * smoothstep(t, -0.1, 0.12) * smoothstep(-t, -1.1, -0.85)
    colour[near] = mix(colour[near], who['brow_linear'], np.clip(who['brow_strength'] * cover * (1 + 0.2 * strands), 0, 1))


def mouth_paint(colour, gloss, x, y, who, view):
    near = np.flatnonzero((np.abs(x) < 3.6) & (np.abs(y - MOUTH_Y) < 1.9))
    mx, my = np.abs(x[near]), y[near] - MOUTH_Y
    t = np.clip(mx / MOUTH_X, 0, 1)
    top = 0.95 * np.sqrt(1 - t**1.8) * (1 - 0.42 * t) - 0.14 * np.exp(-0.5 * (mx / 0.3) ** 2)
    bottom = -1.12 * np.sqrt(1 - t**2.2) * (1 - 0.15 * t)
    lips = smoothstep(np.minimum(top - my, my - bottom), -0.1, 0.08) * (mx < MOUTH_X)
    c = colour[near]
    shade = np.where(my > 0, 0.82, 1.0)[:, None]
    c = mix(c, who['lips'] * shade, lips)
    c = mix(c, c * 0.6, 0.5 * np.exp(-0.5 * ((my + 1.42) / 0.2) ** 2 - 0.5 * (mx / 1.3) ** 2))
    gap = smoothstep(0.105 - np.abs(my), -0.02, 0.03) * (mx < MOUTH_X * 0.98)
    height = np.clip((my + 0.1) / 0.2, 0, 1)
    opened = min(1.0, max(view['drop'], 0.0) / 0.5)
    teeth = smoothstep(height, 1 - 0.62 / max(view['drop'], 0.62) - 0.08, 1 - 0.62 / max(view['drop'], 0.62) + 0.08)
    tongue = smoothstep(-height, -0.4, -0.1) * (view['drop'] > 0.8)
    hole = mix(np.tile(np.float32([0.045, 0.012, 0.012]), (len(near), 1)), [0.3, 0.07, 0.07], 0.8 * tongue)
    hole = mix(hole, [0.72, 0.68, 0.6], teeth * opened * smoothstep(-mx, -2.2, -1.6))
    c = mix(c, hole, gap * (0.45 + 0.55 * opened))
    c = mix(c, c * 0.25, 0.55 * (1 - opened * 0.7) * np.exp(-0.5 * (my / 0.09) ** 2) * smoothstep(-mx, -2.75, -2.5))
    c = mix(c, c * 0.45, 0.55 * np.exp(-0.5 * (((mx - 2.65) / 0.2) ** 2 + (my / 0.2) ** 2)))
    colour[near] = c
    gloss[near] = np.maximum(gloss[near], 0.3 * lips)


def beard_cover(x, y, z, style):
    """Share of the skin that the beard hides, before strands."""
    ax = np.abs(x)
    moustache = smoothstep(np.minimum(-5.0 - 0.12 * ax * ax - y, y + 6.35 + 0.25 * ax), -0.1, 0.25) * (ax < 2.9)
    chin = smoothstep(-y - 8.35 + 0.08 * ax, 0, 0.5) * smoothstep(-ax, -3.0, -2.3)
    corner = smoothstep(-np.abs(ax - 2.95), -0.45, -0.2) * smoothstep(np.minimum(-5.6 - y, y + 9.5), -0.2, 0.3)
    cheek = smoothstep(-(y + 5.4 - 0.55 * (ax - 3.0)), -0.4, 0.8) * smoothstep(ax, 2.6, 3.3)
    under = smoothstep(-y - 8.4, 0, 0.6)
    side = smoothstep(ax, 5.6, 6.4) * smoothstep(-y, 0.0, 1.5) * (z > -1.0)
    front = smoothstep(z, -2.0, 0.0)
    full = np.clip(moustache + cheek + under + side, 0, 1) * front
    lips = smoothstep(1.05 - np.hypot(ax / 2.7, (y + 7.1) / 1.25), 0, 0.12)
    cover = {'moustache': moustache, 'goatee': np.clip(moustache + chin + corner, 0, 1)}.get(style, full)
    return cover * (1 - lips)


def skin_paint(q, who, view):
    """Linear colour [p, 3], gloss [p] and occlusion [p] of head fragments at q [p, 3]."""
    x, y, z = q.T
    clouds, strands = noise_textures()
    blotch = look_up(clouds, 9 * y + who['blotch'][0], 9 * x + who['blotch'][1])
    colour = who['skin_linear'] * (1 + 0.035 * blotch)[:, None]
    front = smoothstep(z, 0, 4)
    red = 0.5 * bump(x, y, 4.0, -3.4, 1.4, 1.3) + 0.5 * np.exp(-0.5 * (((x / 1.2) ** 2) + ((y + 4) / 1.0) ** 2))
    colour = colour * (1 + (who['flush'] * red * front)[:, None] * np.float32([0.05, -0.22, -0.2]))
    if who['freckles'] > 0:
        spots = smoothstep(look_up(clouds, 45 * y, 45 * x), 1.0, 1.6) * bump(x, y, 2.5, -2.5, 2.2, 1.4)
        colour = mix(colour, colour * [0.6, 0.45, 0.4], who['freckles'] * spots)
    fold = np.exp(-0.5 * ((np.abs(x) - 2.0 - 0.42 * (-4.2 - y)) / 0.22) ** 2) * smoothstep(-y, 4.0, 4.8) * smoothstep(y, -7.2, -6.2)
    occlusion = 1 - front * np.clip(
        0.42 * bump(x, y, 2.1, 0.55, 0.9, 0.7)
        + 0.22 * bump(x, y, 3.2, -1.0, 1.2, 0.35)
        + 0.35 * bump(x, y, 1.95, -4.3, 0.3, 0.5)
        + 0.40 * np.exp(-0.5 * ((x / 1.1) ** 2 + ((y + 5.05) / 0.3) ** 2))
        + (0.1 + 0.25 * who['age'] + 0.2 * max(view['smile'], 0)) * fold,
        0, 0.8,
    )
    nostril = bump(x, y, 0.62, -4.72, 0.3, 0.16) * (z > 6)
    colour = mix(colour, colour * [0.16, 0.08, 0.07], np.clip(1.15 * nostril, 0, 1))
    gloss = np.full(len(q), 0.35, np.float32) + 0.65 * np.exp(-0.5 * ((x / 0.8) ** 2 + ((y + 2.5) / 2.2) ** 2))
    if who['beard'] != 'none':
        grain = look_up(strands, 12 * y + 5 * x, 40 * x)
        strength = 0.42 if who['beard'] == 'stubble' else 0.97
        cover = beard_cover(x, y, z, who['beard'])
        cover = np.clip(cover * strength * (1 + 0.12 * grain), 0, 1)
        colour = mix(colour, who['brow_linear'] * (1 + 0.35 * np.clip(grain, -2, 2))[:, None], cover)
        gloss *= 1 - 0.8 * cover
    mouth_paint(colour, gloss, x, y, who, view)
    eye_paint(colour, gloss, x, y, who, view)
    brow_paint(colour, x, y, who)
    return colour, gloss, occlusion


def hair_edge(u, who):
    """Front height v (cm) above which hair grows at angle u (degrees)."""
    style, line = who['hair_style'], 6.6 + who['hairline']
    a = np.abs(u)
    knots = [0, 22, 38, 50, 60, 70, 80, 92, 108, 180]
    part = who['hair_part'] * np.clip(u / 40, -1, 1)
    long = -who['hair_length']
    heights = {
        'short': [line, line, line - 0.2, line - 0.6, 4.2, 1.6, -1.5, 0.6, -5.5, -7.5],
        'crop': [line, line + 0.1, line + 0.2, line - 0.6, 4.4, 1.8, -0.5, 1.2, -4.5, -6.5],
        'parted': [line - 0.3, line - 0.8, line - 1.2, 4.6, 2.4, 0.4, -2, 0.0, -6, -8],
        'fringe': [3.2, 3.1, 3.0, 2.4, 1.2, 0, -2, -1.5, -6, -8],
        'long': [line, line - 0.3, line - 1.0, 4.2, 1.5, -1.5 + 0.9 * long, long, long, long, long],
        'long_fringe': [3.0, 2.9, 2.8, 2.2, 0.5, -1.5 + 0.9 * long, long, long, long, long],
        'tied': [line, line - 0.1, line - 0.4, 5.2, 3.2, 1.4, 0, 1.4, -4, -6],
        'curly': [line, line - 0.1, line - 0.3, 5.0, 3.0, 1.0, -2.5, -2.0, -6, -8],
        'receding': [line + 1.2, line + 2.6, line + 2.8, 6.6, 4.4, 1.8, -1.2, 0.8, -5.5, -7.5],
        'bald': [13, 13, 13, 13, 13, 13, 13, 13, 13, 13],
    }[style]
    edge = np.interp(a, knots, heights)
    if style in ('parted', 'long', 'fringe', 'long_fringe'):
        edge = edge + part * np.where(edge > 2, 0.7, 0)
    return edge


def hair_thickness(u, v, who):
    """Centimetres between skull and hair, before volume noise."""
    style, volume = who['hair_style'], who['hair_volume']
    base = {'crop': 0.25, 'short': 0.7, 'receding': 0.35, 'tied': 0.45, 'curly': 2.0, 'bald': 0.05}.get(style, 0.95)
    top = smoothstep(v, 0, 9)
    sides = 0.55 + 0.45 * top if style in ('short', 'parted', 'fringe') else np.ones_like(v)
    return base * volume * sides + 0.12


def hair_paint(u, v, q, who):
    """Linear colour [p, 3] and cover [p] of the hair shell."""
    strands = noise_textures()[1]
    wave = 2.0 * who['hair_wave'] * np.sin(0.55 * v + 0.02 * u)
    grain = look_up(strands, 5 * v + who['blotch'][0], 2.2 * (u + wave) + 0.2 * v)
    if who['hair_style'] == 'curly':
        grain = look_up(noise_textures()[0], 30 * q[:, 1], 30 * q[:, 0] + 9 * q[:, 2])
    ragged = 0.35 if who['hair_style'] in ('fringe', 'long_fringe', 'long', 'parted', 'curly') else 0.18
    margin = v - hair_edge(u, who) + ragged * grain
    soft = 0.5 if who['hair_style'] in ('crop', 'receding', 'short') else 0.3
    colour = who['hair_linear'] * np.clip(1 + 0.3 * grain, 0.35, 1.9)[:, None]
    return colour, smoothstep(margin, -soft, soft), 1 - 0.3 * smoothstep(-v, 0, 10)


def cloth_paint(q, who):
    """Linear colour of neck and clothes."""
    x, y, z = q.T
    neckline = -16.6 - who['collar_depth'] * np.exp(-0.5 * (x / 3.5) ** 2) * (z > 0)
    cloth = smoothstep(neckline - y, -0.1, 0.15)
    rim = smoothstep(0.9 - np.abs(y - neckline + 0.4), 0, 0.3)
    weave = 1 + 0.08 * look_up(noise_textures()[0], 14 * y, 14 * x)
    shirt = mix(np.tile(who['shirt'] ** 2, (len(q), 1)), who['collar'] ** 2, rim) * weave[:, None]
    occlusion = 1 - 0.55 * smoothstep(y, -15.5, -8.5)
    return mix(who['skin_linear'] * np.ones((len(q), 1)), shirt, cloth), cloth, occlusion
