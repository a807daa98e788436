"""Writes a contact sheet: python -m data_pipelines.rendered.faces --out sheet.png."""

from data_pipelines.rendered.engine.sheet import main
from data_pipelines.rendered.faces import SCENE

main(SCENE)
