"""Writes a contact sheet: python -m data_pipelines.rendered_faces --out sheet.png."""

import argparse

import numpy as np
from PIL import Image

from data_pipelines.rendered_faces.renderer import render_face


def contact_sheet(split, rows, columns, *, size, seed, start):
    """One picture of rows x columns faces."""
    faces = [
        render_face(split, start + i, size=size, seed=seed)["image"] for i in range(rows * columns)
    ]
    grid = np.stack(faces).reshape(rows, columns, size, size, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, 3)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m data_pipelines.rendered_faces", description=__doc__
    )
    parser.add_argument("--out", required=True, help="picture file to write")
    parser.add_argument("--split", default="train", choices=("train", "validation", "test"))
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="first index")
    args = parser.parse_args()
    sheet = contact_sheet(
        args.split, args.rows, args.columns, size=args.size, seed=args.seed, start=args.start
    )
    Image.fromarray(sheet).save(args.out)
    print(f"{args.out}: {args.rows} x {args.columns} {args.split} faces of {args.size} px")


if __name__ == "__main__":
    main()
