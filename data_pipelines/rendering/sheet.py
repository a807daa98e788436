"""Contact sheets of rendered pictures."""

import argparse

import numpy as np

from data_pipelines.rendering.draws import SPLITS


def contact_sheet(pictures, rows, columns):
    """One picture [rows s, columns s, 3] of rows x columns pictures [s, s, 3]."""
    grid = np.stack(pictures)
    size = grid.shape[1]
    grid = grid.reshape(rows, columns, size, size, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, 3)


def write_sheet(noun, description, render):
    """The command that writes a sheet of render(split, index, size=, seed=)["image"]."""
    from PIL import Image

    parser = argparse.ArgumentParser(
        prog=f"python -m data_pipelines.rendered_{noun}", description=description
    )
    parser.add_argument("--out", required=True, help="picture file to write")
    parser.add_argument("--split", default="train", choices=SPLITS)
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="first index")
    args = parser.parse_args()
    indices = range(args.start, args.start + args.rows * args.columns)
    pictures = [render(args.split, i, size=args.size, seed=args.seed)["image"] for i in indices]
    Image.fromarray(contact_sheet(pictures, args.rows, args.columns)).save(args.out)
    print(f"{args.out}: {args.rows} x {args.columns} {args.split} {noun} of {args.size} px")
