"""`edgewright cache`: where the build cache is, how large it is, and clearing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from .output import Output, pass_output
from .units import in_bytes
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from ..pipeline.cache import Cache


class CacheState(msgspec.Struct, frozen=True, kw_only=True):
    """The cache after the verb; `cleared_bytes` is what the clearing freed.

    `unfinished` counts what steps that learn had learned when they were killed, and go on from; its bytes are among
    `size_bytes`.
    """

    path: str
    entries: int
    unfinished: int
    size_bytes: int
    cleared_entries: int
    cleared_bytes: int


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Show or clear the build cache. Everything in it can be made again; EDGEWRIGHT_CACHE_DIR moves it.",
    examples={
        "edgewright cache": "where it is and what it takes",
        "edgewright cache --clear": "remove every entry",
    },
)
@click.option("--clear", is_flag=True, help="Remove every entry.")
@pass_output
def cache(output: Output, clear: bool) -> int:
    """Show the cache, cleared first when asked for."""
    from ..pipeline.cache import Cache, default_cache_folder

    store = Cache(default_cache_folder())
    entries_before, _, size_before = _usage(store)
    if clear:
        store.clear()
    entries, unfinished, size_bytes = _usage(store)
    state = CacheState(
        path=str(store.path),
        entries=entries,
        unfinished=unfinished,
        size_bytes=size_bytes,
        cleared_entries=max(0, entries_before - entries),
        cleared_bytes=max(0, size_before - size_bytes),
    )
    lines = [f"path     {state.path}", f"entries  {state.entries}", f"size     {in_bytes(state.size_bytes)}"]
    if unfinished:
        steps = "1 step that was killed while it learned" if unfinished == 1 else f"{unfinished} steps that were killed"
        lines.insert(2, f"begun    {steps}")
    if clear:
        lines.append(f"cleared  {state.cleared_entries} entries, {in_bytes(state.cleared_bytes)}")
    output.show(state, lambda console: console.print("\n".join(lines), markup=False, soft_wrap=True))
    return 0


def _usage(store: Cache) -> tuple[int, int, int]:
    """Give the number of entries and of unfinished steps, and the bytes of all of it."""
    (entries, size_bytes), (unfinished, more_bytes) = store.usage(), store.homes.usage()
    return entries, unfinished, size_bytes + more_bytes
