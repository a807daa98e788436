"""Writes a contact sheet: python -m data_pipelines.rendered.objects --out sheet.png."""

from data_pipelines.rendered.engine.sheet import main
from data_pipelines.rendered.objects import CATEGORIES, scene_of

main(scene_of(CATEGORIES))
