"""Rays against the box of a room, seen from inside, and against what stands in it."""

from typing import NamedTuple

import numpy as np

from data_pipelines.rendered.engine.raster import greatest, least, unit
from data_pipelines.rendered.rooms.camera import Room
from data_pipelines.rendered.rooms.furniture import Piece

NEAR = 1e-3  # a ray does not hit what it starts on


class Hits(NamedTuple):
    """What rays meet first: its number (-1: the room), where, and the normal there."""

    pieces: np.ndarray  # [p]
    points: np.ndarray  # [3, p]
    normals: np.ndarray  # [3, p]


def _slabs(start, direction, low, high):
    """Distances [3, p] at which rays enter and leave the slabs between low and high [3]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first = (low[:, None] - start) / direction
        second = (high[:, None] - start) / direction
    return np.minimum(first, second), np.maximum(first, second)


def _enter(start, direction, piece: Piece):
    """Distance [p] to a piece; inf where a ray misses it."""
    if piece.is_round:
        middle, half = _middle_and_half(piece)
        begin, along = (start - middle) / half, direction / half
        a, b, c = (along * along).sum(0), (begin * along).sum(0), (begin * begin).sum(0) - 1
        root = b * b - a * c
        near, hit = (-b - np.sqrt(np.maximum(root, 0))) / a, root > 0
    else:
        into, out = _slabs(start, direction, piece.low, piece.high)
        near = greatest(into)
        hit = near <= least(out)
    return np.where(hit & (near > NEAR), near, np.inf)


def _middle_and_half(box):
    """Of anything with the corners low and high: middle [3, 1], half sides [3, 1]."""
    return (box.low + box.high)[:, None] / 2, (box.high - box.low)[:, None] / 2


def _outward(points, box, is_round):
    """Normals [3, p] at points of a box, or of the ellipsoid in it."""
    middle, half = _middle_and_half(box)
    offset = (points - middle) / half
    if is_round:
        return unit(offset / half)
    return np.sign(offset) * (np.abs(offset).argmax(0) == np.arange(3)[:, None])


def trace(start: np.ndarray, direction: np.ndarray, room: Room, pieces: list[Piece]) -> Hits:
    """What the rays from `start` [3, 1] along `direction` [3, p] meet first."""
    distance = least(_slabs(start, direction, room.low, room.high)[1])
    which = np.full(direction.shape[1], -1)
    for number, piece in enumerate(pieces):
        near = _enter(start, direction, piece)
        which[near < distance] = number
        distance = np.minimum(distance, near)
    points = start + distance * direction
    normals = -_outward(points, room, is_round=False)
    for number in np.unique(which[which >= 0]):
        here, piece = which == number, pieces[number]
        normals[:, here] = _outward(points[:, here], piece, piece.is_round)
    return Hits(which, points, normals)


def blocked(start: np.ndarray, end: np.ndarray, pieces: list[Piece]) -> np.ndarray:
    """Whether something stands between points [3, p] or [3, 1] and other points [3, p]."""
    direction = end - start
    hidden = np.zeros(direction.shape[1], bool)
    for piece in pieces:
        hidden |= _enter(start, direction, piece) < 1 - NEAR
    return hidden
