"""Presets of C3 on bedrooms: those of faces on other data.

`laptop` learns rendered rooms and measures the corners of their layouts; `paper` is C3's recipe on
LSUN, which has no annotations.
"""

from dataclasses import replace
from pathlib import Path

from experiments.c3_faces import recipe as c3_faces
from experiments.c3_faces.presets import on_lsun, on_rendered

PAPER = on_lsun(Path("data/lsun/bedroom_train_lmdb"))
"""C3 4.5, appendix ("the same setting for face landmark detection"): LSUN bedrooms, as for faces.

    make train EXP=c3_bedrooms PRESET=paper [ARGS="--data.path DIR"]

Needs data.mdb of bedroom_train_lmdb.zip (43 GB) in data/lsun/bedroom_train_lmdb or DIR, the package
lmdb, and ImageNet weights of ResNet-50 and VGG-16. Hardware: as for faces, 4 GPUs with 50 examples
each, about 30 GB of memory each by a rough count.

Time: not measured. As many steps as for faces, about a day on 4 A100 by the same estimate.

Published: qualitative only (Figure 5). Ours: pictures in the run's report.html,
runs/c3_bedrooms/NAME.

The paper does not say how many pictures it took, nor how they were cropped: here all 3,033,042 by
their central squares, for the 20,000 and 159,870 steps that faces have.
"""

PRESETS = {**on_rendered("rendered_rooms"), "paper": PAPER}
RECIPE = replace(c3_faces.RECIPE, name="c3_bedrooms", presets=lambda data: PRESETS)
