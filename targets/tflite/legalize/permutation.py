"""The algebra of axis permutations.

A permutation `p` stands for `y = transpose(x, p)`: axis `i` of `y` is axis `p[i]` of `x`.
"""

from __future__ import annotations

from collections.abc import Sequence

Permutation = tuple[int, ...]


def identity(rank: int) -> Permutation:
    """The permutation that moves nothing."""
    return tuple(range(rank))


def inverse(p: Permutation) -> Permutation:
    """The permutation that undoes `p`."""
    return tuple(sorted(range(len(p)), key=p.__getitem__))


def compose(first: Permutation, then: Permutation) -> Permutation:
    """The one permutation that does `first` and after it `then`."""
    return tuple(first[axis] for axis in then)


def permute(items: Sequence[int], p: Permutation) -> tuple[int, ...]:
    """Put one item of each axis into the order after `p`."""
    return tuple(items[axis] for axis in p)


def moves_data(p: Permutation, shape: Sequence[int]) -> bool:
    """Whether `p` changes the order of elements of a tensor of this shape; axes of size 1 can move freely."""
    kept = [axis for axis in p if shape[axis] != 1]
    return kept != sorted(kept)


def drop(p: Permutation, axes: Sequence[int]) -> Permutation:
    """The permutation that is left when these axes (counted before `p`) are taken away, renumbered."""
    kept = [axis for axis in p if axis not in axes]
    rank = sorted(kept)
    return tuple(rank.index(axis) for axis in kept)


def through_reshape(
    shape: Sequence[int], p: Permutation, target: Sequence[int]
) -> tuple[tuple[int, ...], Permutation] | None:
    """Say `reshape(transpose(x, p), target)` as `transpose(reshape(x, first), then)`, where that can be said.

    `shape` is that of `x`. The sizes before and after the reshape fall into groups of equal products; when each group's
    axes lie side by side and in order in `x`, whole groups can be permuted after the reshape instead of before it. Axes
    of size 1 bind nothing. Gives `(first, then)`, or None.
    """
    groups = _groups([(axis, shape[axis]) for axis in p if shape[axis] != 1], target)
    if groups is None:
        return None
    order = [axis for axis in range(len(shape)) if shape[axis] != 1]
    place = {axis: index for index, axis in enumerate(order)}
    for axes, _ in groups:
        places = [place[axis] for axis in axes]
        if places != list(range(places[0], places[0] + len(places))):
            return None
    # An axis of size 1 stays by the axis after it (at the end: before it), so that most of them need not move.
    owner = _owners(groups, target)
    ranked = sorted(range(len(groups)), key=lambda index: place[groups[index][0][0]])
    new_axes = [axis for index in ranked for axis in owner[index]]
    return tuple(target[axis] for axis in new_axes), inverse(tuple(new_axes))


def _groups(axes: list[tuple[int, int]], target: Sequence[int]) -> list[tuple[list[int], list[int]]] | None:
    """Pair runs of old axes with runs of new axes of the same product, each run as short as can be."""
    new = [(axis, size) for axis, size in enumerate(target) if size != 1]
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(axes) and j < len(new):
        old_run, new_run = [axes[i][0]], [new[j][0]]
        left, right = axes[i][1], new[j][1]
        while left != right:
            if left < right:
                i += 1
                if i == len(axes):
                    return None
                old_run.append(axes[i][0])
                left *= axes[i][1]
            else:
                j += 1
                if j == len(new):
                    return None
                new_run.append(new[j][0])
                right *= new[j][1]
        groups.append((old_run, new_run))
        i, j = i + 1, j + 1
    return groups if i == len(axes) and j == len(new) and groups else None


def _owners(groups: list[tuple[list[int], list[int]]], target: Sequence[int]) -> list[list[int]]:
    group_of = {axis: index for index, (_, axes) in enumerate(groups) for axis in axes}
    owner: list[list[int]] = [[] for _ in groups]
    for axis in range(len(target)):
        after = next((other for other in range(axis, len(target)) if other in group_of), None)
        before = next((other for other in range(axis, -1, -1) if other in group_of), None)
        chosen = after if after is not None else before
        assert chosen is not None
        owner[group_of[chosen]].append(axis)
    return owner
