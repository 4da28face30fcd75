from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.bundle.manifest import (
    MANIFEST_PATH,
    Golden,
    GoldenKind,
    Manifest,
    Tolerance,
    ToleranceKind,
    Update,
    check_name,
    check_version,
    encode,
    interface_digest,
    parse,
)
from edgewright.targets.artifact import Artifact, Coverage, File, Requirements
from edgewright.vocabulary.errors import TrustError
from edgewright.vocabulary.signature import Signature, TensorSpec

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXTS = st.text(max_size=8)
TENSORS = st.builds(
    TensorSpec,
    name=TEXTS,
    dtype=st.sampled_from(["float32", "int64", "bool"]),
    shape=st.lists(st.integers(0, 512) | st.sampled_from(["batch", "n"]), max_size=4).map(tuple),
    layout=st.sampled_from([None, "NHWC"]),
    range=st.none() | st.tuples(st.floats(-9, 0), st.floats(0, 9)),
    labels=st.none() | st.lists(TEXTS, max_size=2).map(tuple),
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    outputs = draw(st.lists(TENSORS, min_size=1, max_size=3, unique_by=lambda spec: spec.name))
    signature = Signature(inputs=tuple(draw(st.lists(TENSORS, max_size=3))), outputs=tuple(outputs))
    variants = draw(st.lists(st.sampled_from("abcdef"), max_size=3, unique=True))
    artifacts = []
    for target, variant in [("reference", ""), *(("tflite", variant) for variant in variants)]:
        file = File(
            path=f"content/artifacts/{target}{variant}/model",
            sha256=draw(DIGESTS),
            size_bytes=draw(st.integers(0, 2**50)),
        )
        artifacts.append(
            Artifact(
                target=target,
                variant=variant,
                precision="fp32",
                format="",
                files=(file,),
                requires=Requirements(runtime="r", min_runtime_version="1", min_ram_bytes=draw(st.integers(0, 2**40))),
                signature=signature,
                narrowed={},
                coverage=Coverage(nodes=()),
                ops=draw(st.dictionaries(TEXTS, st.integers(0, 9), max_size=2)),
                toolchain=draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
            )
        )
    name, version = draw(NAMES), draw(st.sampled_from(["1.0.0", "2.1", "1.0.0-rc.1+build.5", "1!2.0.post1"]))
    bounds = (Tolerance(kind=draw(st.sampled_from(ToleranceKind)), bound=draw(st.floats(0, 1e6))),)
    return Manifest(
        schema_version="1.0",
        name=name,
        version=version,
        source_digest=draw(DIGESTS),
        signature=signature,
        artifacts=tuple(artifacts),
        golden=Golden(
            kind=draw(st.sampled_from(GoldenKind)),
            rows=draw(st.integers(1, 99)),
            batched=draw(st.booleans()),
            tolerances={item.name: {spec.name: bounds for spec in outputs} for item in artifacts},
        ),
        update=Update(
            name=name,
            version=version,
            files=tuple(sorted((item.files[0] for item in artifacts), key=lambda file: file.path)),
            requirements={item.name: item.requires for item in artifacts},
            interface=interface_digest(signature),
        ),
    )


@settings(deadline=None, max_examples=50)
@given(manifests())
def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    data = encode(manifest)

    assert parse(data) == manifest
    assert encode(parse(data)) == data


@pytest.fixture
def plain(contents: dict[str, bytes]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(contents[MANIFEST_PATH])
    return value


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def test_an_unknown_field_of_the_own_minor_version_is_refused(plain: dict[str, Any]) -> None:
    plain["update"]["delta"] = "x"

    with pytest.raises(TrustError, match=r"unknown key update\.delta"):
        parse(dump(plain))


def test_an_unknown_field_of_a_newer_minor_version_is_ignored(plain: dict[str, Any]) -> None:
    expected = parse(dump(plain | {"schema_version": "1.7"}))
    plain["schema_version"] = "1.7"
    plain["provenance"] = {"a": [1]}
    plain["update"]["delta"] = "x"
    plain["artifacts"][0]["requires"]["npu"] = True
    plain["golden"]["tolerances"]["reference"]["y"][0]["why"] = "…"

    assert parse(dump(plain)) == expected


@pytest.mark.parametrize("critical", ["update.delta", "update", "artifacts.requires.npu", "provenance.signer"])
def test_a_field_marked_critical_must_be_known(plain: dict[str, Any], critical: str) -> None:
    plain["schema_version"] = "1.7"
    plain["update"]["delta"] = "x"
    plain["critical"] = [critical]

    with pytest.raises(TrustError, match="critical"):
        parse(dump(plain))


@pytest.mark.parametrize("critical", ["update.requirements", "golden.tolerances.*.*.bound", "critical"])
def test_a_known_field_may_be_marked_critical(plain: dict[str, Any], critical: str) -> None:
    plain["critical"] = [critical]

    assert parse(dump(plain)).critical == (critical,)


@pytest.mark.parametrize("version", ["2.0", "0.9", "1", "1.0.0", "01.0", "1.-1", "", None, 1.0])
def test_another_major_version_is_refused(plain: dict[str, Any], version: object) -> None:
    plain["schema_version"] = version

    with pytest.raises(TrustError, match="schema version"):
        parse(dump(plain))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b"\xff", b'{"schema_version": "1.0"}', b'"1.0"'])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(TrustError, match=MANIFEST_PATH):
        parse(data)


def change(value: dict[str, Any], path: str, new: object) -> dict[str, Any]:
    *parents, last = path.split(".")
    place: Any = value
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = new
    return value


@pytest.mark.parametrize(
    ("path", "new", "reason"),
    [
        ("name", "../x", "name"),
        ("name", "", "name"),
        ("version", "one", "version"),
        ("source_digest", "5" * 63, "source_digest"),
        ("source_digest", "A" * 64, "source_digest"),
        ("update.version", "1.0.1", "another name or version"),
        ("update.name", "other", "another name or version"),
        ("update.interface", "0" * 64, "interface"),
        ("update.requirements", {}, "requirements"),
        ("update.files.0.path", "content/../x", "climbs"),
        ("update.files.0.path", "evidence/report.json", "order|under content"),
        ("update.files.0.path", "content/manifest.JSON", "one file"),
        ("update.files.0.sha256", "g" * 64, "SHA-256"),
        ("update.files.0.size_bytes", -1, "negative"),
        ("update.files", [], "update.files does not list"),
        ("artifacts.0.files", [], "has no file"),
        ("artifacts.0.files.0.size_bytes", 1, "update.files does not list"),
        ("artifacts.0.variant", "fp32", "different names"),
        ("artifacts.2.target", "tflite", "one of them `reference`"),
        ("golden.rows", 0, "no rows"),
        ("golden.tolerances", {}, "tolerances"),
        ("golden.tolerances.reference", {}, "bound for each output"),
        ("golden.tolerances.reference.y", [], "bound for each output"),
        ("golden.tolerances.reference.y.0.kind", "none", "golden.tolerances.reference.y"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(
    plain: dict[str, Any], path: str, new: object, reason: str
) -> None:
    with pytest.raises(TrustError, match=reason):
        parse(dump(change(plain, path, new)))


def test_a_tolerance_is_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        Tolerance(kind=ToleranceKind.MAX_ABS, bound=float("inf"))


@pytest.mark.parametrize(
    "version", ["1.0.0", "1.0", "2026.11", "1.0.0-alpha.1", "1.0rc1", "1.0.0+cuda.12", "0.0.1.dev3"]
)
def test_versions_of_pep_440_and_semver_are_taken(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize(
    "version", ["", "latest", "1.0.0 ", " 1.0", "1..0", "1.0.0-", "v/1", "1.0\n", "١.٠", "1" * 101]
)
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        check_version(version)


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "-x", "x" * 101, "é", "kws\n"])
def test_names_that_are_no_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        check_name(name)


def test_equal_signatures_have_equal_interfaces_and_others_not() -> None:
    def interface(shape: tuple[int | str, ...]) -> str:
        spec = TensorSpec(name="x", dtype="float32", shape=shape)
        return interface_digest(Signature(inputs=(spec,), outputs=()))

    assert interface((1, 2)) == interface((1, 2))
    assert interface((1, 2)) != interface(("batch", 2))


def test_fields_are_what_the_documentation_names() -> None:
    assert msgspec.structs.fields(Manifest)[0].name == "schema_version"
    assert [field.name for field in msgspec.structs.fields(Update)] == [
        "name",
        "version",
        "files",
        "requirements",
        "interface",
    ]
