"""Reading what came from outside, strictly: unknown and repeated keys are refused, and an error says where.

msgspec checks the leaves; the walk over structs and mappings is ours, because msgspec keeps quiet about repeated keys
and leaves the names of mapping keys out of its error paths.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar

import msgspec

from .errors import ConfigError

T = TypeVar("T")


def decode_json(data: bytes, type_: type[T], where: str) -> T:
    """Read JSON into a `msgspec.Struct` (or another type); `where` names the file in errors.

    Raises:
        ConfigError: when the bytes are no JSON, a key is repeated, unknown or missing, or a value has the wrong type.
    """
    return convert(parse_json(data, where), type_, where)


def parse_json(data: bytes, where: str) -> Any:
    """Parse JSON, refusing repeated keys, NaN, infinities (`1e999` is one) and text that is no Unicode.

    Raises:
        ConfigError: when the bytes are no such JSON.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        if repeated:
            raise ConfigError(f"{where}: the key {repeated[0]!r} stands twice in one object")
        return dict(pairs)

    def no_constant(name: str) -> Any:
        raise ConfigError(f"{where}: {name} is no JSON number")

    def finite(digits: str) -> float:
        number = float(digits)
        if math.isinf(number):
            raise ConfigError(f"{where}: {digits} is beyond what a number can hold")
        return number

    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=unique, parse_constant=no_constant, parse_float=finite)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair cannot be encoded
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON: {error}") from error
    return value


def encode_json(value: Any) -> bytes:
    """Write a struct as JSON: sorted keys, two spaces, a newline at the end; paths become text.

    Equal values give equal bytes.

    Raises:
        ValueError: when it holds NaN or an infinity, which msgspec would write as null.
    """
    plain = msgspec.to_builtins(value, enc_hook=_say_path)
    json.dumps(plain, allow_nan=False)
    return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=2) + b"\n"


def convert(value: Any, type_: type[T], where: str) -> T:
    """Turn parsed JSON or TOML into a typed value.

    Raises:
        ConfigError: when a key is unknown or missing, or a value has the wrong type. The message names the file, the
            dotted path of the key, what was expected and what stood there.
    """
    return typing.cast(T, _convert(value, type_, where, ""))


def keep_known(value: Any, type_: Any) -> tuple[Any, tuple[str, ...]]:
    """Leave out of parsed JSON the keys that a type's structs do not have: what a newer writer added.

    Gives the rest and the dotted paths of what was left out, `*` standing for the key of a mapping; no index for lists.
    """
    ignored: dict[str, None] = {}
    kept = _keep_known(value, type_, "", ignored)
    return kept, tuple(ignored)


def has_field(type_: Any, path: str) -> bool:
    """Whether a dotted path, written as `keep_known` writes it, names a field of a type's structs."""
    types_ = [type_]
    for name in path.split("."):
        types_ = [entry for choice in types_ for entry in _below(choice, name)]
    return bool(types_)


def refuse(where: str, path: str, expected: str, got: object) -> ConfigError:
    """Give the error for a value that does not fit: `edgewright.toml: expected … in targets.tflite, got '8'`."""
    return ConfigError(f"{where}: expected {expected} in {path or 'the top level'}, got {got!r}")


def _convert(value: Any, type_: Any, where: str, path: str) -> Any:
    origin = typing.get_origin(type_)
    if _is_struct(type_):
        return _convert_struct(value, type_, where, path)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise refuse(where, path, "a table", value)
        item = typing.get_args(type_)[1]
        return {key: _convert(entry, item, where, _join(path, key)) for key, entry in value.items()}
    if origin is tuple and typing.get_args(type_)[-1] is Ellipsis:
        if not isinstance(value, list | tuple):
            raise refuse(where, path, "a list", value)
        item = typing.get_args(type_)[0]
        return tuple(_convert(entry, item, where, f"{path}[{index}]") for index, entry in enumerate(value))
    if origin is typing.Literal and value not in typing.get_args(type_):
        raise refuse(where, path, f"one of {', '.join(map(repr, typing.get_args(type_)))}", value)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, typing.get_args(type_), where, path)
    try:
        return msgspec.convert(value, type_)
    except OverflowError as error:
        raise refuse(where, path, f"`{type_.__name__}`", value) from error
    except msgspec.ValidationError as error:
        expected = str(error).partition(" - at ")[0].partition(", got")[0].removeprefix("Expected ").strip("`")
        raise refuse(where, path, f"`{expected}`", value) from error


def _convert_union(value: Any, choices: tuple[Any, ...], where: str, path: str) -> Any:
    if value is None and type(None) in choices:
        return None
    structs = [choice for choice in choices if _is_struct(choice)]
    if isinstance(value, Mapping) and structs:
        tagged = [struct for struct in structs if _has_tag_of(value, struct)]
        if len(structs) == 1 or len(tagged) == 1:
            return _convert_struct(value, (tagged or structs)[0], where, path)
    others = [choice for choice in choices if choice is not type(None) and choice not in structs]
    if len(others) == 1 and not (structs and isinstance(value, Mapping)):
        return _convert(value, others[0], where, path)
    if len(structs) == 1 and not others:
        raise refuse(where, path, "a table", value)
    for choice in others:
        try:
            return msgspec.convert(value, choice)
        except msgspec.ValidationError:
            continue
    names = [getattr(choice, "__name__", str(choice)) for choice in (*others, *structs)]
    raise refuse(where, path, " or ".join(f"`{name}`" for name in names), value)


def _convert_struct(value: Any, type_: type[msgspec.Struct], where: str, path: str) -> Any:
    if not isinstance(value, Mapping):
        raise refuse(where, path, "a table", value)
    fields = _fields(type_)
    tag = type_.__struct_config__.tag_field
    if tag is not None and value.get(tag, type_.__struct_config__.tag) != type_.__struct_config__.tag:
        raise refuse(where, _join(path, tag), f"`{type_.__struct_config__.tag}`", value[tag])
    for key in value:
        if key not in fields and key != tag:
            near = get_close_matches(str(key), fields, 1)
            raise ConfigError(
                f"{where}: unknown key {_join(path, str(key))}",
                hint=f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(sorted(fields))}",
            )
    arguments = {}
    for name, field in fields.items():
        if name in value:
            arguments[field.name] = _convert(value[name], field.type, where, _join(path, name))
        elif field.required:
            raise ConfigError(f"{where}: {_join(path, name)} is missing")
    try:
        return type_(**arguments)
    except (ValueError, TypeError) as error:  # from __post_init__
        raise ConfigError(f"{where}: {path or 'the top level'}: {error}") from error


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _has_tag_of(value: Mapping[str, Any], type_: type[msgspec.Struct]) -> bool:
    tag = type_.__struct_config__.tag_field
    return tag is not None and value.get(tag) == type_.__struct_config__.tag


def _say_path(value: object) -> str:
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"JSON has no form for {type(value).__name__}")  # msgspec's word for it


@cache
def _fields(type_: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Give the fields of a struct by the name that they have in files."""
    return {field.encode_name: field for field in msgspec.structs.fields(type_)}


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _keep_known(value: Any, type_: Any, path: str, ignored: dict[str, None]) -> Any:
    if _is_struct(type_) and isinstance(value, Mapping):
        fields = {name: field.type for name, field in _fields(type_).items()}
        known = {*fields, type_.__struct_config__.tag_field}
        ignored.update(dict.fromkeys(_join(path, key) for key in value if key not in known))
        return {
            key: _keep_known(entry, fields.get(key), _join(path, key), ignored)
            for key, entry in value.items()
            if key in known
        }
    arguments = [choice for choice in typing.get_args(type_) if choice not in (Ellipsis, type(None))]
    if isinstance(value, Mapping) and typing.get_origin(type_) in (dict, Mapping):
        return {key: _keep_known(entry, arguments[1], _join(path, "*"), ignored) for key, entry in value.items()}
    if len(arguments) != 1:
        return value
    if isinstance(value, list) and typing.get_origin(type_) is tuple:
        return [_keep_known(entry, arguments[0], path, ignored) for entry in value]
    return _keep_known(value, arguments[0], path, ignored)


def _below(type_: Any, name: str) -> list[Any]:
    """Give the types that stand under a name: of a struct's field, or of a mapping's entries for `*`."""
    if _is_struct(type_):
        return [field.type for known, field in _fields(type_).items() if known == name]
    arguments = [choice for choice in typing.get_args(type_) if choice is not Ellipsis]
    if typing.get_origin(type_) in (dict, Mapping):
        return arguments[1:] if name == "*" else []
    return [entry for choice in arguments for entry in _below(choice, name)]
