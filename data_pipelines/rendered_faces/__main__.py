"""Writes a contact sheet: python -m data_pipelines.rendered_faces --out sheet.png."""

from data_pipelines.rendered_faces.renderer import render_face
from data_pipelines.rendering.sheet import write_sheet


def main():
    write_sheet("faces", __doc__, render_face)


if __name__ == "__main__":
    main()
