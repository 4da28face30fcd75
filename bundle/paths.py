"""Names of files in a bundle: one spelling on every system, and none that leaves the bundle.

A name is relative, with `/` between its parts; parts that some file system or tool treats specially are refused, so a
bundle can be unpacked anywhere and means the same there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from ..vocabulary.errors import TrustError

MAX_PART_BYTES = 255
MAX_PATH_BYTES = 1024

_FORBIDDEN = frozenset('\\:*?"<>|')
"""Separators and wildcards of Windows; a backslash is a separator there and a letter elsewhere."""

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))]
)
"""Names that Windows keeps for devices, whatever extension follows."""


def check_path(path: str) -> None:
    r"""Check one name.

    Raises:
        TrustError: when it is absolute, climbs (`..`), has an empty, dot or reserved part, is not in Unicode's composed
            form (NFC), holds a control character or one of `\ : * ? " < > |`, or is too long.
    """
    problem = _problem(path)
    if problem is not None:
        raise TrustError(f"the name {path!r} {problem}; no bundle holds such a file")


def check_paths(paths: Iterable[str]) -> None:
    """Check names against the rules and against each other.

    Raises:
        TrustError: when a name breaks a rule, stands twice (upper and lower case are equal here), or is both a file and
            the folder of another.
    """
    seen: dict[str, str] = {}
    files = []
    for path in paths:
        check_path(path)
        folded = _fold(path)
        if folded in seen:
            raise TrustError(f"{path!r} and {seen[folded]!r} are one file on some systems")
        seen[folded] = path
        files.append(path)
    folders: dict[str, str] = {}
    for path in files:
        parts = path.split("/")
        for length in range(1, len(parts)):
            folder = "/".join(parts[:length])
            folded = _fold(folder)
            if folded in seen:
                raise TrustError(f"{seen[folded]!r} is a file, and the folder of {path!r}")
            if folders.setdefault(folded, folder) != folder:
                raise TrustError(f"{folder!r} and {folders[folded]!r} are one folder on some systems")


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _problem(path: str) -> str | None:
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        return "is no Unicode text"
    if len(encoded) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    if path.startswith("/"):
        return "is absolute"
    if unicodedata.normalize("NFC", path) != path:
        return "is not in Unicode's composed form"
    for part in path.split("/"):
        if not part:
            return "has an empty part"
        if part == "..":
            return "climbs out of its folder"
        if part.startswith("."):
            return "has a part that begins with a dot"
        if part.endswith((" ", ".")):
            return "has a part that ends with a space or a dot"
        if not _FORBIDDEN.isdisjoint(part) or any(
            unicodedata.category(character) in ("Cc", "Cf") for character in part
        ):
            return "holds a character that some systems treat specially"
        if part.partition(".")[0].rstrip(" ").casefold() in _DEVICES:
            return "is a device on some systems"
        if len(part.encode("utf-8")) > MAX_PART_BYTES:
            return f"has a part longer than {MAX_PART_BYTES} bytes"
    return None
