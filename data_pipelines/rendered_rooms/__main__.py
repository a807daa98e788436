"""Writes a contact sheet: python -m data_pipelines.rendered_rooms --out sheet.png."""

from data_pipelines.rendered_rooms.renderer import render_room
from data_pipelines.rendering.sheet import write_sheet


def main():
    write_sheet("rooms", __doc__, render_room)


if __name__ == "__main__":
    main()
