"""Writes a contact sheet: python -m data_pipelines.rendered_objects --out sheet.png."""

from data_pipelines.rendered_objects.renderer import render_object
from data_pipelines.rendering.sheet import write_sheet


def main():
    write_sheet("objects", __doc__, render_object)


if __name__ == "__main__":
    main()
