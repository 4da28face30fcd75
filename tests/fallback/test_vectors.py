"""`vectors.json`: what the web's module must do as Python does it, checked here on the Python side."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewright.bundle.golden import mismatches
from edgewright.bundle.keys import parse_public_key
from edgewright.bundle.manifest import Tolerance, interface_digest, parse
from edgewright.bundle.signature_file import signed_digests
from edgewright.devices.base import Facts
from edgewright.fallback.rules import Ladder, Ladders, Rung
from edgewright.fallback.select import choose
from edgewright.targets.adapt import adapt
from edgewright.targets.artifact import Requirements
from edgewright.targets.runtime import Array
from edgewright.vocabulary.codec import convert, decode_json, parse_json
from edgewright.vocabulary.digest import canonical_json
from edgewright.vocabulary.errors import ConfigError, EdgewrightError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.signature import Signature, TensorSpec

TESTS = Path(__file__).parents[1]
VECTORS: dict[str, Any] = json.loads((TESTS / "fallback/vectors.json").read_text("utf-8"))


def named(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", VECTORS[kind], ids=[case["name"] for case in VECTORS[kind]])


def array(dtype: str, shape: list[int], values: list[float | str]) -> Array:
    if dtype in ("int64", "uint64"):
        return np.array([int(value) for value in values], dtype).reshape(shape)
    return np.array([float(value) for value in values]).astype(dtype).reshape(shape)


def assert_same(got: Array, expected: dict[str, Any]) -> None:
    wanted = array(**expected)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    assert np.array_equal(got, wanted, equal_nan=wanted.dtype.kind == "f")


@named("adapt")
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # NumPy's own word for NaN
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_adapting(case: dict[str, Any]) -> None:
    given, taken = (convert(case[side], TensorSpec, side) for side in ("given", "taken"))
    tensor = array(given.dtype, case["shape"], case["values"])

    if "refused" in case:
        with pytest.raises(ValueError, match=re.escape(case["refused"])):
            adapt(tensor, given, taken)
    else:
        assert_same(adapt(tensor, given, taken), case["expected"])


@named("bounds")
def test_bounds(case: dict[str, Any]) -> None:
    tolerance = convert({"kind": case["kind"], "bound": case["bound"]}, Tolerance, "x")
    got = array(case["got_dtype"], case["got_shape"], case["got"])
    expected = array(case["dtype"], [-1], case["expected"])

    assert list(mismatches({"y": got}, {"y": expected}, {"y": (tolerance,)})) == case["sentences"]


@named("npy")
def test_arrays(case: dict[str, Any]) -> None:
    if "expected" in case:  # NumPy reads more than golden vectors are written in
        assert_same(np.load(io.BytesIO(base64.b64decode(case["base64"]))), case["expected"])


@pytest.mark.parametrize(("installed", "wanted", "expected"), VECTORS["versions"])
def test_versions(installed: str, wanted: str, expected: bool) -> None:
    rung = Rung(artifact="reference", runtime="r/wasm", threads=1, latency_ms=None, size_bytes=1)
    ladder = Ladder(kind="browser", os="web", arch="wasm32", evidence=Evidence.NOT_RUN, rungs=(rung,))
    facts = Facts(
        kind="browser",
        os="web",
        arch="wasm32",
        cpu="",
        features=(),
        cores=1,
        ram_bytes=1,
        runtimes={"r/wasm": installed},
    )

    choice = choose(ladder, {"reference": Requirements(runtime="r", min_runtime_version=wanted)}, facts)

    assert bool(choice.rungs) is expected


@named("interfaces")
def test_digests_of_signatures(case: dict[str, Any]) -> None:
    assert interface_digest(decode_json(case["text"].encode(), Signature, "x")) == case["sha256"]


@named("json")
def test_strict_json(case: dict[str, Any]) -> None:
    if "canonical" in case:
        assert canonical_json(parse_json(case["text"].encode(), "x")).decode() == case["canonical"]
    else:
        with pytest.raises(ConfigError, match="x: "):
            parse_json(case["text"].encode(), "x")


def changed(value: Any, changes: list[tuple[str, Any]]) -> Any:
    for path, new in changes:
        *parents, last = path.split(".")
        place = value
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place[name]
        key = int(last) if isinstance(place, list) else last
        if new == "<absent>":
            del place[key]
        else:
            place[key] = new
    return value


def assert_read_or_refused(refused: str | None, read: Any) -> None:
    if refused is None:
        read()
    else:
        with pytest.raises(EdgewrightError) as error:
            read()
        assert refused in error.value.message


@named("manifests")
def test_manifests(case: dict[str, Any]) -> None:
    base = json.loads((TESTS / "bundle/data/golden/content/manifest.json").read_bytes())
    data = json.dumps(changed(base, case["changes"])).encode()

    assert_read_or_refused(case["refused"], lambda: parse(data))


@named("ladders")
def test_ladders(case: dict[str, Any]) -> None:
    assert_read_or_refused(case["refused"], lambda: Ladders.decode(json.dumps(case["value"]).encode()))


@named("signatures")
def test_signatures(case: dict[str, Any]) -> None:
    key = parse_public_key((TESTS / "bundle/data/TEST-ONLY-public-key.pub").read_bytes(), "key")

    assert_read_or_refused(case["refused"], lambda: signed_digests(base64.b64decode(case["base64"]), key))
