"""`tiles.py SIZE SMALLEST LARGEST COUNT OUT PICTURE[@LEFT:RIGHT]…`: squares cut from pictures, as rows of a data set.

Squares of a side drawn from SMALLEST…LARGEST, by turns from each PICTURE (or from the columns LEFT…RIGHT of it), half
of them mirrored, resized to SIZE: OUT.npy holds float32[COUNT, 3, SIZE, SIZE], RGB of 0…1. The draw follows from COUNT.
Runs in the environment `pictures`, which has Pillow.
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image


def main() -> None:
    """Cut them."""
    size, smallest, largest, count = (int(argument) for argument in sys.argv[1:5])
    pictures = [opened(argument) for argument in sys.argv[6:]]
    source, tiles = np.random.default_rng(count), []
    for index in range(count):
        picture = pictures[index % len(pictures)]
        side = int(source.integers(smallest, min(largest, *picture.size) + 1))
        left, top = (int(source.integers(0, length - side + 1)) for length in picture.size)
        tile = picture.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BILINEAR)
        pixels = np.asarray(tile, np.float32).transpose(2, 0, 1) / 255
        tiles.append(pixels[:, :, ::-1] if source.random() < 0.5 else pixels)
    np.save(sys.argv[5], np.stack(tiles))


def opened(argument: str) -> Image.Image:
    """A picture, or some columns of it."""
    path, _, columns = argument.partition("@")
    picture = Image.open(path).convert("RGB")
    left, _, right = (columns or f"0:{picture.width}").partition(":")
    return picture.crop((int(left), 0, int(right), picture.height))


if __name__ == "__main__":
    main()
