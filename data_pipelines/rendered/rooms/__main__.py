"""Writes a contact sheet: python -m data_pipelines.rendered.rooms --out sheet.png."""

from data_pipelines.rendered.engine.sheet import main
from data_pipelines.rendered.rooms import SCENE

main(SCENE)
