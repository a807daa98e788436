"""Runs of pictures as stacked arrays, and a digest of the source that shapes them."""

import hashlib
from pathlib import Path

import numpy as np

CODE = ("background", "draws", "film", "meshes", "raster", "textures")


def source_digest(folder, names):
    """Twelve hexadecimal digits that change with the modules of a folder and the shared ones."""
    digest = hashlib.sha256()
    for place, modules in ((Path(folder), names), (Path(__file__).parent, CODE)):
        for name in modules:
            digest.update((place / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def stacked(pictures, specs, fields):
    """The fields of a list of pictures [n, ...]; specs: shape and type of each field."""
    return {
        name: np.stack([np.asarray(picture[name], specs[name][1]) for picture in pictures])
        for name in fields
    }
