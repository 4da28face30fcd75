"""A bounded search for the fewest of something that is enough, where more is rarely worse."""

from __future__ import annotations

from collections.abc import Callable


def evaluations_needed(most: int) -> int:
    """Give how many evaluations `fewest` makes at the most when nothing stops it."""
    doubling = 1 + len(_doubled(most))
    widest = max((high - low for low, high in zip([0, *_doubled(most)], _doubled(most), strict=False)), default=1)
    return doubling + (widest - 1).bit_length()


def fewest(most: int, limit: int, holds: Callable[[int], bool]) -> int | None:
    """Find the smallest count in 0…`most` that `holds`, in at most `limit` evaluations; None when none was found.

    The counts are 0, 1, 2, 4, … until one holds, then the gap below it is halved. Where more is sometimes worse, the
    count that is given still holds, and may not be the smallest.
    """
    left = limit
    failed, found = -1, None
    for count in (0, *_doubled(most)):
        if not left:
            return None
        left -= 1
        if holds(count):
            found = count
            break
        failed = count
    while found is not None and left and found - failed > 1:
        left -= 1
        middle = (failed + found) // 2
        if holds(middle):
            found = middle
        else:
            failed = middle
    return found


def _doubled(most: int) -> list[int]:
    counts = [1 << power for power in range(most.bit_length())]
    return [*(count for count in counts if count < most), most] if most else []
