"""The one zip that a bundle can be: equal files give equal bytes, on every machine and version of Python.

Stored, not deflated: the bytes that a deflater gives depend on its version, and trained weights hardly shrink. Names
are sorted and UTF-8, dates are 1980-01-01, files are plain and readable by all (0644). Sizes and offsets from 4 GiB
on stand in Zip64 fields. Format: APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..vocabulary.errors import RequestError, TrustError
from .paths import check_path, check_paths
from .tree import MAX_FILES

BLOCK_BYTES = 2**20
ZIP64_SIZE, ZIP64_COUNT = 0xFFFFFFFF, 0xFFFF
"""A size or offset, and a number of files, that from here on stand in Zip64 fields."""
_IN_ZIP64, _COUNT_IN_ZIP64 = 0xFFFFFFFF, 0xFFFF
"""What stands in the plain field then."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_UTF8 = 0x800
_DATE, _TIME = 0x21, 0
_MADE_BY_UNIX = 3 << 8
_PLAIN_0644 = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class _Member:
    name: bytes
    size_bytes: int
    crc: int


def write_zip(files: Mapping[str, Path], out: BinaryIO) -> None:
    """Write files into a zip.

    Raises:
        TrustError: when the names break the rules of `paths`.
        OSError: when a file cannot be read, or the zip not be written.
    """
    check_paths(files)

    def blocks(path: str) -> Iterator[bytes]:
        with files[path].open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    members = {path: _measure(path.encode("utf-8"), blocks(path)) for path in sorted(files)}
    offset = 0
    offsets = []
    for path, member in members.items():
        offsets.append(offset)
        header = _local_header(member)
        out.write(header)
        for block in blocks(path):
            out.write(block)
        offset += len(header) + member.size_bytes
    out.write(_directory(list(members.values()), offsets, offset))


class ZipTree:
    """Files in a zip that is, byte for byte, what `write_zip` makes of them."""

    def __init__(self, open_source: Callable[[], BinaryIO]) -> None:
        """Read a zip from start to end, and check every byte of it.

        `open_source` gives the zip anew for each look into it, so that no file stays open.

        Raises:
            TrustError: when it is not what `write_zip` makes.
            OSError: when it cannot be read.
        """
        self._open_source = open_source
        self._places: dict[str, tuple[int, int]] = {}
        with open_source() as source:
            members, offsets, offset = [], [], 0
            while (member := self._next_member(source, offset)) is not None:
                offsets.append(offset)
                members.append(member)
                offset += len(_local_header(member)) + member.size_bytes
            self._check_directory(source, members, offsets, offset)
        self.paths: tuple[str, ...] = tuple(self._places)

    def size_bytes(self, path: str) -> int:
        """Give the size of a file."""
        return self._places[path][1]

    def read(self, path: str) -> bytes:
        """Give the content of a file."""
        return b"".join(self.blocks(path))

    def digest(self, path: str) -> str:
        """Give the SHA-256 of a file, in hexadecimal; read in blocks."""
        hasher = hashlib.sha256()
        for block in self.blocks(path):
            hasher.update(block)
        return hasher.hexdigest()

    def blocks(self, path: str) -> Iterator[bytes]:
        """Give the content of a file in pieces."""
        start, size = self._places[path]
        with self._open_source() as source:
            yield from self._blocks(source, start, size)

    def _blocks(self, source: BinaryIO, start: int, size: int) -> Iterator[bytes]:
        source.seek(start)
        while size:
            block = source.read(min(BLOCK_BYTES, size))
            if not block:
                raise TrustError("cut short")
            yield block
            size -= len(block)

    def _next_member(self, source: BinaryIO, offset: int) -> _Member | None:
        """Read the local header at an offset, check its bytes and its content; None where the directory begins."""
        source.seek(offset)
        fixed = source.read(_LOCAL.size)
        if fixed[:4] in (b"PK\x01\x02", b"PK\x05\x06"):
            return None
        if len(fixed) < _LOCAL.size or fixed[:4] != b"PK\x03\x04":
            raise TrustError(f"no bundle: byte {offset} begins neither a file nor the directory")
        if len(self._places) >= MAX_FILES:
            raise TrustError(f"more than {MAX_FILES} files")
        *_, size, name_length, extra_length = _LOCAL.unpack(fixed)
        name, extra = source.read(name_length), source.read(extra_length)
        try:
            path = name.decode("utf-8")
        except UnicodeDecodeError:
            raise TrustError(f"the name at byte {offset} is not UTF-8") from None
        check_path(path)
        if path in self._places:
            raise TrustError(f"{path!r} stands in it twice")
        if size == _IN_ZIP64 and len(extra) == 20:
            size = struct.unpack_from("<Q", extra, 4)[0]
        start = offset + len(fixed) + len(name) + len(extra)
        member = _measure(name, self._blocks(source, start, size))
        if _local_header(member) != fixed + name + extra:
            raise TrustError(f"{path!r}: header and content do not belong together")
        self._places[path] = (start, size)
        return member

    def _check_directory(self, source: BinaryIO, members: list[_Member], offsets: list[int], start: int) -> None:
        check_paths(self._places)
        if list(self._places) != sorted(self._places):
            raise TrustError("its files are not in order")
        expected = _directory(members, offsets, start)
        source.seek(start)
        if source.read(len(expected) + 1) != expected:
            raise TrustError(f"its directory, from byte {start} on, is not what its files make")


def open_zip(path: Path) -> ZipTree:
    """Open the zip of a bundle.

    Raises:
        TrustError: when it is not what `write_zip` makes.
        RequestError: when it cannot be read.
    """

    def open_source() -> BinaryIO:
        return path.open("rb")

    try:
        return ZipTree(open_source)
    except TrustError as error:
        raise TrustError(f"{path}: {error.message}", hint=error.hint) from error
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror}") from error


def _measure(name: bytes, blocks: Iterator[bytes]) -> _Member:
    size, crc = 0, 0
    for block in blocks:
        size += len(block)
        crc = zlib.crc32(block, crc)
    return _Member(name, size, crc)


def _local_header(member: _Member) -> bytes:
    large = member.size_bytes >= ZIP64_SIZE
    size = _IN_ZIP64 if large else member.size_bytes
    extra = _zip64(member.size_bytes, member.size_bytes) if large else b""
    fixed = _LOCAL.pack(
        b"PK\x03\x04", _version(extra), _UTF8, 0, _TIME, _DATE, member.crc, size, size, len(member.name), len(extra)
    )
    return fixed + member.name + extra


def _central_header(member: _Member, offset: int) -> bytes:
    large, far = member.size_bytes >= ZIP64_SIZE, offset >= ZIP64_SIZE
    size = _IN_ZIP64 if large else member.size_bytes
    values = [member.size_bytes, member.size_bytes] if large else []
    values += [offset] if far else []
    extra = _zip64(*values) if values else b""
    fixed = _CENTRAL.pack(
        b"PK\x01\x02",
        _MADE_BY_UNIX | _version(extra),
        _version(extra),
        _UTF8,
        0,
        _TIME,
        _DATE,
        member.crc,
        size,
        size,
        len(member.name),
        len(extra),
        0,
        0,
        0,
        _PLAIN_0644,
        _IN_ZIP64 if far else offset,
    )
    return fixed + member.name + extra


def _directory(members: list[_Member], offsets: list[int], start: int) -> bytes:
    central = b"".join(_central_header(member, offset) for member, offset in zip(members, offsets, strict=True))
    count, size = len(members), len(central)
    if count < ZIP64_COUNT and size < ZIP64_SIZE and start < ZIP64_SIZE:
        return central + _END.pack(b"PK\x05\x06", 0, 0, count, count, size, start, 0)
    large = _END_64.pack(b"PK\x06\x06", _END_64.size - 12, _MADE_BY_UNIX | 45, 45, 0, 0, count, count, size, start)
    locator = _LOCATOR.pack(b"PK\x06\x07", 0, start + size, 1)
    end = _END.pack(b"PK\x05\x06", 0, 0, _COUNT_IN_ZIP64, _COUNT_IN_ZIP64, _IN_ZIP64, _IN_ZIP64, 0)
    return central + large + locator + end


def _zip64(*values: int) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def _version(extra: bytes) -> int:
    return 45 if extra else 20
