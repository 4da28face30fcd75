"""Tiles: how much of its output a kernel holds in registers at once, and which tiles are worth a try."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .vectors import Vectors

MOST_ROWS = 32
"""Of a tile, for the search; longer ones need more registers than any vector unit has."""


class Tile(msgspec.Struct, frozen=True, kw_only=True, order=True, forbid_unknown_fields=True):
    """`rows` · `columns` places of an image and `vectors` vectors of channels; `outer` says what goes around them.

    With `outer = "places"` all channels of one tile of places come before the next places, so that the image is read
    once and the weights are read again for each; with `outer = "channels"` it is the other way round.
    """

    rows: int
    columns: int
    vectors: int
    outer: str = "places"

    @property
    def registers(self) -> int:
        """How many vectors of sums it holds."""
        return self.rows * self.columns * self.vectors


def divisors(number: int, most: int) -> list[int]:
    """Give the divisors of a number up to `most`, ascending."""
    return [size for size in range(1, min(number, most) + 1) if number % size == 0]


def contraction_tiles(places: tuple[int, int], blocks: int, vectors: Vectors, orders: Sequence[str]) -> list[Tile]:
    """Give tiles for sums over all channels, the most promising first.

    `places` are the height and width of the output, `blocks` its vectors of channels. For each element of the sum a
    tile of p places and v vectors reads p + v values and multiplies p · v times: the ratio says how good it is
    (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
    """
    tiles = [
        Tile(rows=rows, columns=columns, vectors=count, outer=outer)
        for columns in divisors(places[1], MOST_ROWS)
        for rows in divisors(places[0], MOST_ROWS)
        if rows == 1 or columns == places[1]
        for count in divisors(blocks, vectors.accumulators)
        for outer in orders
        if rows * columns * count <= vectors.accumulators
    ]
    return sorted(tiles, key=lambda tile: (-_reuse(tile), orders.index(tile.outer), tile.vectors, tile.rows))


def _reuse(tile: Tile) -> float:
    places = tile.rows * tile.columns
    return tile.registers / (places + tile.vectors)


def channelwise_tiles(places: tuple[int, int], blocks: int, vectors: Vectors) -> list[Tile]:
    """Give tiles for sums over windows of single channels, the most promising first.

    Half of the registers hold sums, two vectors of channels at each place, and the places lie as in a square, so that
    windows share most of what they read: found by measuring MobileNetV2's layers, and what the search starts from.
    """
    tiles = [
        Tile(rows=rows, columns=columns, vectors=count, outer=outer)
        for columns in divisors(places[1], MOST_ROWS)
        for rows in divisors(places[0], 4)
        for count in divisors(blocks, 4)
        for outer in ("strips", "whole")
        if rows * columns * count <= vectors.accumulators
    ]
    half = vectors.registers // 2
    return sorted(
        tiles,
        key=lambda tile: (abs(half - tile.registers), tile.vectors != 2, _read(tile), tile.outer != "strips", tile),
    )


def _read(tile: Tile) -> float:
    """Give how many values a window of 3 × 3 reads for each place of a tile."""
    return (tile.rows + 2) * (tile.columns + 2) / (tile.rows * tile.columns)
