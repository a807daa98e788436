"""Rendered data, which needs no download: faces, objects and rooms, each a `Scene`."""
