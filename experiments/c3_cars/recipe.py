"""Presets of C3 on cars: those of faces on other data.

`laptop` learns the cars of `rendered_objects` and measures their key points; `paper` is C3's recipe
on LSUN, which has no annotations.
"""

from dataclasses import replace
from pathlib import Path

from experiments.c3_faces import recipe as c3_faces
from experiments.c3_faces.presets import on_lsun, on_rendered

PAPER = on_lsun(Path("data/lsun/car"))
"""C3 4.5, appendix ("the same setting for face landmark detection"): LSUN cars, as for faces.

    make train EXP=c3_cars PRESET=paper [ARGS="--data.path DIR"]

Needs data.mdb of car.zip (about 170 GB) in data/lsun/car or DIR, the package lmdb, and ImageNet
weights of ResNet-50 and VGG-16. Hardware: as for faces, 4 GPUs with 50 examples each, about 30 GB
of memory each by a rough count.

Time: not measured. As many steps as for faces, about a day on 4 A100 by the same estimate.

Published: qualitative only (Figure 5). Ours: pictures in the run's report.html, runs/c3_cars/NAME.

The paper does not say how many pictures it took, nor how they were cropped: here all 5,520,756 by
their central squares, for the 20,000 and 159,870 steps that faces have.
"""

PRESETS = {**on_rendered("rendered_cars"), "paper": PAPER}
RECIPE = replace(c3_faces.RECIPE, name="c3_cars", presets=lambda data: PRESETS)
