"""The kept record of a target: what became of every case, by operator. One file a target, part of the package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from ..vocabulary.codec import decode_json
from .verdict import Outcome, Result, Verdict

FOLDER = Path(__file__).parent / "records"

REASON_LENGTH = 240
"""A runtime's own message may hold a page; its beginning says why."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Cases of one operator of which the same became; `fixed` stands where it differs from `given`."""

    given: Outcome
    fixed: Outcome | None = None
    handling: str = ""
    cases: tuple[str, ...]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """What a target made of all cases. `versions` are those of the packages and runtimes that took part.

    `plain` counts results in words over the cases of float32, integers and booleans alone.
    """

    target: str
    versions: dict[str, str]
    plain: dict[str, int]
    operators: dict[str, tuple[Entry, ...]]

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Case → its result in words, `passed` or `refused; passed with inputs fixed`."""
        return {
            case: Result(case=case, operator=operator, given=entry.given, fixed=entry.fixed).word
            for operator, entries in self.operators.items()
            for entry in entries
            for case in entry.cases
        }

    @classmethod
    def of(cls, target: str, versions: Mapping[str, str], results: Sequence[Result], plain: Container[str]) -> Record:
        """Make the record of results; the same results in another order give the same record.

        `plain` are the names of the cases of plain types.
        """
        operators: dict[str, dict[Entry, list[str]]] = {}
        for result in results:
            given, fixed = _brief(result.given), _brief(result.fixed) if result.fixed is not None else None
            entry = Entry(given=given, fixed=None if fixed == given else fixed, handling=result.handling, cases=())
            operators.setdefault(result.operator, {}).setdefault(entry, []).append(result.case)
        return cls(
            target=target,
            versions=dict(sorted(versions.items())),
            plain=dict(sorted(Counter(result.word for result in results if result.case in plain).items())),
            operators={
                operator: tuple(
                    sorted(
                        (msgspec.structs.replace(entry, cases=tuple(sorted(names))) for entry, names in found.items()),
                        key=lambda entry: entry.cases,
                    )
                )
                for operator, found in sorted(operators.items())
            },
        )

    def counts(self) -> Counter[str]:
        """Count cases by their result in words."""
        return Counter(self.words.values())

    def lost(self, results: Iterable[Result]) -> tuple[Result, ...]:
        """Give the results that are no pass any more where this record has one, as given or with inputs fixed."""
        return tuple(
            result for result in results if _rank(result.word) < _rank(self.words.get(result.case, Verdict.REFUSED))
        )

    def encode(self) -> bytes:
        """Give the file: JSON, an entry a line or so, sorted."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def decode(cls, data: bytes, where: str) -> Record:
        """Read what `encode` gave.

        Raises:
            ConfigError: when it is no record.
        """
        return decode_json(data, cls, where)


def path_of(target: str) -> Path:
    """Where the record of a built-in target lies."""
    return FOLDER / f"{target}.json"


def kept(target: str) -> Record | None:
    """Give the kept record of a target; None when there is none."""
    path = path_of(target)
    return Record.decode(path.read_bytes(), str(path)) if path.is_file() else None


def _rank(word: str) -> int:
    if word == Verdict.PASSED:
        return 2
    return int(word.endswith("passed with inputs fixed"))


def _brief(outcome: Outcome) -> Outcome:
    reason = outcome.reason
    if len(reason) <= REASON_LENGTH:
        return outcome
    return msgspec.structs.replace(outcome, reason=reason[:REASON_LENGTH].rpartition(" ")[0] + " …")
