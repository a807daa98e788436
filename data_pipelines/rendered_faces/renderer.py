"""Renders one parametric head: picture, landmarks, mask and surface coordinates."""

import numpy as np

from data_pipelines.rendered_faces import paint
from data_pipelines.rendered_faces.background import draw_background, resized
from data_pipelines.rendered_faces.geometry import EYE_X, NECK, SKIN, grid_normals, mean_head
from data_pipelines.rendered_faces.glasses import glasses_mesh
from data_pipelines.rendered_faces.parameters import SPLITS, draw_identity, draw_view, generator, identity_of
from data_pipelines.rendered_faces.raster import rasterise

SHIFT, BORDER = 0.17, 0.075  # share of the picture
TOLERANCE = 0.6  # centimetres on the mean head


def rotation(yaw, pitch, roll):
    """Roll after yaw after pitch; positive yaw turns the nose to the image's right."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return lean @ turn @ nod


def coefficients(who, view, names):
    """One number per deformation field."""
    values = dict(who['shape'])
    opening = max(view['drop'], 0.0)
    values['width'] = who['shape']['width']
    values |= {
        'jaw_drop': opening,
        'mouth_close': 1.0,
        'smile': view['smile'],
        'pucker': view['pucker'],
        'eye_open': view['eye_open'],
        'beard': {'full': 1.0, 'goatee': 0.4}.get(who['beard'], 0.0),
    }
    values['brow_height'] += view['brow_raise']
    values['brow_inner'] -= view['frown'] * 0.6
    return np.array([values[name] for name in names])


def posed(head, who, view):
    """Vertices [n, 3] of this face in the camera's axes, in centimetres around the head's centre."""
    k = coefficients(who, view, head.field_names)
    points = head.vertices + np.tensordot(k, head.fields, 1)
    hair = slice(head.grids['hair'].start, head.grids['hair'].stop)
    u, v = head.angles[hair].T
    thick = paint.hair_thickness(u, v, who)
    if who['hair_style'] == 'curly':
        thick = thick + 0.35 * np.sin(u * 0.31 + v) * np.sin(v * 2.1 + u * 0.2)
    points[hair] += thick[:, None] * grid_normals(points, {'hair': head.grids['hair']})[hair]
    normals = grid_normals(points, head.grids)
    turn = rotation(view['yaw'], view['pitch'], view['roll'])
    torso = rotation(0.35 * view['yaw'] + view['body'][0], 0.0, 0.2 * view['roll'] + view['body'][1])
    neck = slice(head.grids['neck'].start, head.grids['neck'].stop)
    moved, turned = points @ turn.T, normals @ turn.T
    share = np.clip((points[neck, 1] + 15) / 7, 0, 1)[:, None]
    moved[neck] = share * moved[neck] + (1 - share) * (points[neck] @ torso.T)
    turned[neck] = share * turned[neck] + (1 - share) * (normals[neck] @ torso.T)
    return points, moved, turned, turn


def project(points, view, centre):
    """Image coordinates in shares of the picture [n, 2], y down."""
    scale = view['iod'] / (2 * EYE_X)
    near = view['distance'] / (view['distance'] - points[:, 2])
    return centre + (points[:, :2] * near[:, None]) * [scale, -scale]


def at(points, located):
    """Points [n, 3] at triangle positions (indices, weights)."""
    index, weights = located
    return (points[index] * weights[..., None]).sum(1)


def place(keypoints, view):
    """The head's centre such that the five points are near the middle and inside the border."""
    flat = project(keypoints, view, np.zeros(2))
    middle = (flat.min(0) + flat.max(0)) / 2
    half = (flat.max(0) - flat.min(0)) / 2
    wanted = 0.5 + SHIFT * view['shift']
    return np.clip(wanted, BORDER + half, 1 - BORDER - half) - middle


def lit(colour, normals, gloss, occlusion, view):
    """Wrapped diffuse light, a highlight and a rim [p, 3]."""
    key = view['key']
    cosine = normals @ key
    wrap = np.float32([0.30, 0.18, 0.13])
    diffuse = np.clip((cosine[:, None] + wrap) / (1 + wrap), 0, None)
    sky = 0.8 + 0.2 * normals[:, 1:2]
    half = key + [0, 0, 1]
    half = half / np.linalg.norm(half)
    shine = view['shine'] * gloss * np.clip(normals @ half, 0, 1) ** 24
    rim = view['rim'] * 0.25 * np.clip(1 - normals[:, 2], 0, 1) ** 3 * (normals[:, 0] * -key[0] > 0)
    light = view['key_colour'] * diffuse * (0.4 + 0.6 * occlusion)[:, None] + view['ambient'] * sky * occlusion[:, None]
    return colour * light + (shine + rim)[:, None] * view['key_colour']


def prepared(who):
    """Adds the colours in linear light that painting needs."""
    skin = who['skin'] ** 2
    lips = skin * np.array([0.86, 0.52, 0.52])
    lips = lips + max(0, who['lip_red'] - 0.4) * (who['lipstick'] ** 2 - lips)
    lid = skin * (1 - who['shadow'] * np.array([0.5, 0.6, 0.45])) * np.array([0.9, 0.82, 0.8])
    return who | {
        'skin_linear': skin.astype(np.float32), 'lips': lips, 'lid': lid, 'iris_linear': who['iris'] ** 2,
        'brow_linear': who['brow'] ** 2, 'hair_linear': who['hair'] ** 2, 'lash': 0.25 * who['brow'] ** 2,
    }  # fmt: skip


def facing(normals):
    """Turns normals towards the camera."""
    return normals * np.where(normals[:, 2:] < 0, -1, 1)


def render_solid(head, fragments, normals, who, view):
    """Colour [p, 3] of head, ears, neck and clothes; canonical coordinate [p, 3]; on the head [p]."""
    q = fragments.interpolate(head.vertices.astype(np.float32))
    n = fragments.interpolate(normals)
    n = n / (np.linalg.norm(n, axis=1, keepdims=True) + 1e-9)
    material = head.material[fragments.triangles]
    colour = np.zeros_like(q)
    skin = material < NECK
    c, gloss, occlusion = paint.skin_paint(q[skin], who, view)
    ear = material[skin] != SKIN
    occlusion[ear] *= 0.85
    c[ear] *= [1.02, 0.86, 0.84]
    colour[skin] = lit(c, n[skin], gloss, occlusion, view)
    c, cloth, occlusion = paint.cloth_paint(q[~skin], who)
    colour[~skin] = lit(c, n[~skin], 0.3 * (1 - cloth), occlusion, view)
    return colour, q, skin


def render_hair(head, fragments, normals, who, view):
    q = fragments.interpolate(head.vertices.astype(np.float32))
    u, v = fragments.interpolate(head.angles.astype(np.float32)).T
    n = facing(fragments.interpolate(normals))
    colour, cover, occlusion = paint.hair_paint(u, v, q, who)
    return lit(colour, n, np.full(len(q), 1.5), occlusion, view), q, cover


def box_filter(values):
    """Means of 2 x 2 samples."""
    s = values.shape[0] // 2
    return values.reshape(s, 2, s, 2, -1).mean((1, 3))


def surface_of(coordinate, depth):
    """Per pixel: mask, and the mean coordinate of its samples that lie within 1 cm of the nearest."""
    s = depth.shape[0] // 2
    depth = depth.reshape(s, 2, s, 2).transpose(0, 2, 1, 3).reshape(s, s, 4)
    coordinate = coordinate.reshape(s, 2, s, 2, 3).transpose(0, 2, 1, 3, 4).reshape(s, s, 4, 3)
    use = (depth > depth.max(-1, keepdims=True) - 1.0) & np.isfinite(depth)
    count = use.sum(-1)
    mean = (coordinate * use[..., None]).sum(2) / np.maximum(count, 1)[..., None]
    mask = np.isfinite(depth).sum(-1) >= 2
    return mask, np.where(mask[..., None], mean, np.nan).astype(np.float16)


def finished(linear, view, size, rng):
    """Camera: blur, contrast, tint, gamma 2 and noise; uint8."""
    picture = np.sqrt(np.clip(linear, 0, None)) * view['tint']
    sigma = view['blur'] * size / 64
    if sigma > 0.15:
        reach = np.arange(-3, 4)
        kernel = np.exp(-0.5 * (reach / sigma) ** 2)
        kernel /= kernel.sum()
        for axis in (0, 1):
            wide = np.pad(picture, [(3, 3) if a == axis else (0, 0) for a in range(3)], mode='edge')
            picture = sum(k * np.take(wide, np.arange(size) + i, axis) for i, k in enumerate(kernel))
    picture = 0.5 + (picture - 0.5) * view['contrast'] + view['noise'] * rng.normal(size=picture.shape)
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def render_face(split, index, *, size=64, seed=0):
    """Renders picture `index` of a split; a pure function of (seed, split, index, size).

    Returns:
      `image` uint8 [size, size, 3]; `keypoints` float32 [5, 2], (x, y) in pixels, centres at
      integers: left eye, right eye, nose, left and right corner of the mouth, left in the image
      of a frontal face; `points68` float32 [68, 2], the iBUG layout, and `visible` bool [68];
      `mask` bool [size, size], head with ears and hair, without neck; `surface` float16
      [size, size, 3], the coordinate on the mean head in centimetres, NaN off the mask;
      `box` float32 [4], x0, y0, x1, y1 of the mask's outermost pixel centres; `identity` int.
    """
    if split not in SPLITS:
        raise ValueError(f'split: expected one of {SPLITS}, got {split!r}')
    if index < 0 or size < 16:
        raise ValueError(f'index and size: expected index >= 0 and size >= 16, got {index} and {size}')
    identity = identity_of(split, index)
    who = prepared(draw_identity(generator(seed, split, 0, identity)))
    rng = generator(seed, split, 1, index)
    view = draw_view(rng)
    background = draw_background(rng)
    head = mean_head()
    points, camera, normals, turn = posed(head, who, view)
    centre = place(at(camera, head.keypoints), view)
    side = 2 * size
    flat = project(camera, view, centre)
    samples = flat * side - 0.5
    depth = camera[:, 2]

    linear = resized(background, side).reshape(-1, 3)
    front = np.full(side * side, -np.inf, np.float32)
    on_head = np.zeros(side * side, bool)
    coordinate = np.zeros((side * side, 3), np.float32)
    normals = normals.astype(np.float32)
    solid = rasterise(samples, depth, head.solid, side, cull=True)
    colour, q, skin = render_solid(head, solid, normals, who, view)
    linear[solid.pixels], front[solid.pixels] = colour, solid.depth
    on_head[solid.pixels], coordinate[solid.pixels] = skin, q
    if who['hair_style'] != 'bald':
        u, v = head.angles.T
        grows = (v - paint.hair_edge(u, who) > -1.2)[head.hair].any(1)
        hair = rasterise(samples, depth, head.hair[grows], side, cull=False)
        colour, q, cover = render_hair(head, hair, normals, who, view)
        ahead = hair.depth > front[hair.pixels] - 0.1
        pixels, cover = hair.pixels[ahead], cover[ahead]
        linear[pixels] += cover[:, None] * (colour[ahead] - linear[pixels])
        solid_hair = cover > 0.5
        pixels = pixels[solid_hair]
        on_head[pixels], coordinate[pixels], front[pixels] = True, q[ahead][solid_hair], hair.depth[ahead][solid_hair]
    if who['glasses'] != 'none':
        vertices, triangles, alpha = glasses_mesh(points, at(points, head.keypoints), who)
        frame = vertices @ turn.T
        worn = rasterise(project(frame, view, centre) * side - 0.5, frame[:, 2], triangles, side, cull=False)
        ahead = worn.depth > front[worn.pixels]
        pixels = worn.pixels[ahead]
        cover = alpha[worn.triangles[ahead]][:, None]
        linear[pixels] += cover * (who['glasses_colour'] ** 2 * 0.8 + 0.01 - linear[pixels])

    head_depth = np.where(on_head, front, -np.inf).reshape(side, side)
    mask, surface = surface_of(coordinate.reshape(side, side, 3), head_depth)
    image = finished(box_filter(linear.reshape(side, side, 3)), view, size, generator(seed, split, 2, index))
    five = project(at(camera, head.keypoints), view, centre) * size - 0.5
    marks = at(camera, head.points68)
    points68 = project(marks, view, centre) * size - 0.5
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return {
        'image': image,
        'keypoints': five.astype(np.float32),
        'points68': points68.astype(np.float32),
        'visible': visibility(points68, marks[:, 2], at(head.vertices, head.points68), surface, mask),
        'mask': mask,
        'surface': surface,
        'box': np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32),
        'identity': identity,
    }


def visibility(points_px, depth, canonical, surface, mask):
    """Whether the surface seen within a pixel of each point is the point itself."""
    size = mask.shape[0]
    x, y = np.round(points_px).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
    best = np.full(len(points_px), np.inf)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            column, row = np.clip(x + dx, 0, size - 1), np.clip(y + dy, 0, size - 1)
            seen = surface[row, column].astype(np.float32)
            best = np.fmin(best, np.linalg.norm(seen - canonical, axis=1))
    return inside & (best < 1.0)


def true_correspondence(surface_source, mask_source, surface_target, mask_target, points_px, *, tolerance=TOLERANCE):
    """Carries points of one rendered face to another by their canonical coordinates.

    Args:
      surface_source: [h, w, 3] of the face that the points lie on, as from `render_face`.
      mask_source: [h, w].
      surface_target, mask_target: of the other face, of any size.
      points_px: [n, 2], (x, y) in pixels of the source.
      tolerance: greatest distance on the mean head in centimetres; a nearest target coordinate
        farther away means that the point is hidden in the target.

    Returns:
      points [n, 2] in pixels of the target and visible [n]; a point off the source's mask is
      not visible and carried to NaN.
    """
    points_px = np.asarray(points_px, np.float64)
    h, w = mask_source.shape
    x, y = np.round(points_px).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < w) & (y < h)
    x, y = np.clip(x, 0, w - 1), np.clip(y, 0, h - 1)
    on = inside & mask_source[y, x]
    query = surface_source[y, x].astype(np.float32)
    rows, columns = np.nonzero(mask_target)
    stock = surface_target[rows, columns].astype(np.float32)
    carried = np.full(points_px.shape, np.nan)
    visible = np.zeros(len(points_px), bool)
    for i in np.flatnonzero(on):
        distance = ((stock - query[i]) ** 2).sum(1)
        best = distance.argmin()
        carried[i] = columns[best], rows[best]
        visible[i] = distance[best] <= tolerance**2
    return carried, visible
