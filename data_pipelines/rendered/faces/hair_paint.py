"""Hair: where it grows, how thick, its colour; and the clothes.

u is the angle around the head in degrees, 0 in front; v is the height in front in centimetres.
"""

import numpy as np

from data_pipelines.rendered.engine.draws import Drawn
from data_pipelines.rendered.engine.film import Surface
from data_pipelines.rendered.engine.textures import look_up, mix, noise_textures, smoothstep

ANGLES = (0, 22, 38, 50, 60, 68, 80, 92, 108, 180)
# Height at which hair begins at each of the angles; L stands for the hairline, E for the ends.
L, E = 100.0, -100.0
EDGES = {
    "short": (L, L, L - 0.2, L - 0.6, 4.2, 1.6, -1.5, 0.6, -5.5, -7.5),
    "crop": (L, L + 0.1, L + 0.2, L - 0.6, 4.4, 1.8, -0.5, 1.2, -4.5, -6.5),
    "parted": (L - 0.3, L - 0.8, L - 1.2, 4.6, 2.4, 0.4, -2, 0, -6, -8),
    "fringe": (3.6, 3.4, 3.2, 2.4, 1.2, 0, -2, -1.5, -6, -8),
    "long": (L, L - 0.3, L - 1.0, 4.2, 0.5, E, E, E, E, E),
    "long_fringe": (3.4, 3.2, 3.0, 2.2, -1, E, E, E, E, E),
    "tied": (L, L - 0.1, L - 0.4, 5.2, 3.2, 1.4, 0, 1.4, -4, -6),
    "curly": (L, L - 0.1, L - 0.3, 5, 3, 1, -0.5, -0.5, -5, -7),
    "receding": (L + 1.2, L + 2.6, L + 2.8, 6.6, 4.4, 1.8, -1.2, 0.8, -5.5, -7.5),
}
LONG = ("long", "long_fringe")
COMBED = ("parted", "fringe", *LONG)
THICKNESS = {"crop": 0.25, "short": 0.75, "receding": 0.35, "tied": 0.45, "curly": 1.9}


def hair_edge(u: np.ndarray, who: Drawn) -> np.ndarray:
    """Front height above which hair grows at angle u."""
    heights = np.array(EDGES[who.hair_style])
    line, ends = 6.6 + who.hairline, -who.hair_length
    heights = np.where(heights > 50, heights - L + line, heights)
    heights = np.where(heights < -50, heights - E + ends, heights)
    edge = np.interp(np.abs(u), ANGLES, heights).astype(np.float32)
    if who.hair_style in COMBED:
        edge = edge + 0.7 * who.hair_part * np.clip(u / 40, -1, 1) * (edge > 2)
    return edge


def hair_thickness(u: np.ndarray, v: np.ndarray, who: Drawn) -> np.ndarray:
    """Centimetres between skull and hair."""
    style, (clouds, _) = who.hair_style, noise_textures()
    top = smoothstep(v, 0, 9)
    sides = 0.5 + 0.5 * top if style in ("short", "parted", "fringe") else 1.0
    lumps = look_up(clouds, 4 * v + who.blotch[1], 0.7 * np.abs(u) + who.blotch[0])
    rough = 0.4 if style == "curly" else 0.22 * (1 - 0.5 * (style == "tied"))
    drape = 1 + 0.9 * smoothstep(v, 2, -8) if style in LONG else 1.0
    calm = 1 - 0.7 * smoothstep(-v, 0, 6) if style in LONG else 1.0
    thick = drape * THICKNESS.get(style, 0.95) * who.hair_volume * sides
    return 0.12 + thick * np.clip(1 + rough * calm * lumps, 0.3, 2)


def hair_paint(
    u: np.ndarray, v: np.ndarray, q: np.ndarray, who: Drawn
) -> tuple[Surface, np.ndarray]:
    """The hair shell and how much it covers [p], where its points q [3, p] have angle u [p]."""
    clouds, strands = noise_textures()
    style = who.hair_style
    if style == "curly":
        grain = look_up(clouds, 30 * q[1], 30 * q[0] + 9 * q[2])
    else:
        wave = 2.0 * who.hair_wave * np.sin(0.55 * v + 0.02 * u)
        comb = who.hair_part * 1.2 * v if style in ("short", "parted", "crop") else 0.0
        grain = look_up(strands, 5 * v + who.blotch[0], 2.2 * (u + wave + comb) + 0.2 * v)
    ragged = 0.35 if style in COMBED else 0.18
    soft = 0.5 if style in ("crop", "receding", "short") else 0.3
    cover = smoothstep(v - hair_edge(u, who) + ragged * grain, -soft, soft)
    colour = who.colours["hair"][:, None] * np.clip(1 + 0.3 * grain, 0.35, 1.9)
    openness = (0.75 + 0.25 * smoothstep(v, -10, 2)) * (0.8 + 0.2 * smoothstep(cover, 0.3, 1))
    return Surface(colour, np.full_like(cover, 1.5), openness), cover


def cloth_paint(q: np.ndarray, who: Drawn) -> Surface:
    """Neck and clothes at q [3, p]."""
    x, y, z = q
    neckline = -16.6 - who.collar_depth * np.exp(-0.5 * (x / 3.5) ** 2) * (z > 0)
    cloth = smoothstep(neckline - y, -0.1, 0.15)
    rim = smoothstep(0.9 - np.abs(y - neckline + 0.4), 0, 0.3)
    weave = 1 + 0.08 * look_up(noise_textures()[0], 14 * y, 14 * x)
    if who.shirt_stripes:
        stripes = smoothstep(np.sin(who.shirt_stripes * y), -0.2, 0.2)
        rim = np.maximum(rim, stripes)
    shirt = mix((who.shirt**2)[:, None] * weave, who.collar**2, rim)
    shade = 1 - 0.68 * smoothstep(y, -15.5, -9.5) * (0.4 + 0.6 * smoothstep(z, -3, 2))
    colour = mix(who.colours["skin"][:, None] * np.ones_like(x), shirt, cloth)
    return Surface(colour, 0.3 * (1 - cloth), shade)
