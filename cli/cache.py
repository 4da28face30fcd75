"""`edgewright cache`: where the build cache is, how large it is, and clearing it."""

from __future__ import annotations

import click
import msgspec

from .output import Output, pass_output
from .units import in_bytes
from .verb import CONTEXT, Verb


class CacheState(msgspec.Struct, frozen=True, kw_only=True):
    """The cache after the verb; `cleared_bytes` is what the clearing freed."""

    path: str
    entries: int
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
    before = store.usage()
    if clear:
        store.clear()
    entries, size_bytes = store.usage()
    state = CacheState(
        path=str(store.path),
        entries=entries,
        size_bytes=size_bytes,
        cleared_entries=max(0, before[0] - entries),
        cleared_bytes=max(0, before[1] - size_bytes),
    )
    lines = [f"path     {state.path}", f"entries  {state.entries}", f"size     {in_bytes(state.size_bytes)}"]
    if clear:
        lines.append(f"cleared  {state.cleared_entries} entries, {in_bytes(state.cleared_bytes)}")
    output.show(state, lambda console: console.print("\n".join(lines), markup=False, soft_wrap=True))
    return 0
