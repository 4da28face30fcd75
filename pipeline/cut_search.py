"""Which tensor of a graph parts first, in few looks, where each look is dear."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence


def first_that_parts(
    order: Sequence[str], inputs: Mapping[str, Sequence[str]], parts: Callable[[str], bool | None]
) -> str | None:
    """Find a tensor that parts while nothing that it is made of does.

    `order` is topological, `inputs` the tensors that each is made of. `parts` looks at one: None when it cannot be
    had. The last that can be had is looked at first; when it does not part, nothing is searched. Halving takes that
    what parted stays parted; the inputs of what it finds are looked at too, and the search goes on before one that
    parts.

    Returns None when the last does not part, or nothing can be had.
    """
    seen: dict[str, bool | None] = {}

    def look(name: str) -> bool | None:
        if name not in seen:
            seen[name] = parts(name)
        return seen[name]

    last = next((name for name in reversed(order) if look(name) is not None), None)
    if last is None or not look(last):
        return None
    found = last
    while True:
        found = _halve(_ancestors(found, order, inputs), look)
        earlier = next((name for name in _nearest(found, inputs, look) if look(name)), None)
        if earlier is None:
            return found
        found = earlier


def looks_needed(count: int) -> int:
    """Give how many looks halving makes among so many tensors that can all be had."""
    return 1 + max(0, count - 1).bit_length()


def _halve(order: Sequence[str], look: Callable[[str], bool | None]) -> str:
    """Halve between the beginning, where nothing has parted, and the last of `order`, which has."""
    good, bad = -1, len(order) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        at = next((place for place in range(middle, bad) if look(order[place]) is not None), None)
        if at is None:
            at = next((place for place in range(middle - 1, good, -1) if look(order[place]) is not None), None)
            if at is None:
                break
        if look(order[at]):
            bad = at
        else:
            good = at
    return order[bad]


def _ancestors(name: str, order: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """Give what a tensor is made of, and itself, in order."""
    wanted, waiting = {name}, [name]
    while waiting:
        for source in inputs.get(waiting.pop(), ()):
            if source not in wanted:
                wanted.add(source)
                waiting.append(source)
    return [each for each in order if each in wanted]


def _nearest(name: str, inputs: Mapping[str, Sequence[str]], look: Callable[[str], bool | None]) -> list[str]:
    """Give the nearest tensors that a tensor is made of and that can be had."""
    found: dict[str, None] = {}
    waiting = list(inputs.get(name, ()))
    passed: set[str] = set()
    while waiting:
        source = waiting.pop()
        if source in passed:
            continue
        passed.add(source)
        if source in inputs and look(source) is None:
            waiting += inputs[source]
        elif source in inputs:
            found[source] = None
    return list(found)
