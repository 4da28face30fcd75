"""The words of a new project file: every section of it, each line with what it means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from ..pipeline.places import HERE, WITHOUT_SETTINGS
from ..profiles.built_in_metric import BUILT_IN, PERCENT, SHARE
from ..vocabulary.signature import Signature, TensorDeclaration, TensorSpec
from .draft import INT8, DataDraft, Draft, TargetDraft

COMMENT_COLUMN = 48
"""Where the comments beside the keys begin, when the key leaves room."""

_ONE_OF = {SHARE: "one percentage point", PERCENT: "one percent"}

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def project_text(draft: Draft) -> str:
    """Write the project file of a draft; it parses, and says all that the draft knows."""
    sections = (
        _head(draft),
        _model(draft),
        _data(draft.data),
        _metric(draft),
        _recipes(draft),
        *_targets(draft.targets),
    )
    sections += (_gates(draft), _here(), *_other_devices(draft.targets), _bundle(draft))
    return "\n\n".join(sections) + "\n"


def _head(draft: Draft) -> str:
    lines = ["# What `edgewright build` makes of one trained model. Paths are relative to this file.", "#"]
    lines.append(f"# The model, as read from {_said(draft.source)}:")
    lines += _signature(draft.signature)
    return "\n".join(lines)


def _signature(signature: Signature) -> list[str]:
    specs = [("in", spec) for spec in signature.inputs] + [("out", spec) for spec in signature.outputs]
    width = max(len(_said(spec.name)) for _, spec in specs)
    return [f"#   {way:<3} {_said(spec.name):<{width}}  {spec.dtype}[{_sizes(spec)}]" for way, spec in specs]


def _sizes(spec: TensorSpec) -> str:
    return _said(", ".join(map(str, spec.shape)))


def _model(draft: Draft) -> str:
    lines = ["[model]", _line("source", draft.source, "or model.pt2, file.py:factory, package.module:factory")]
    if draft.args:
        lines.append(_line("args", draft.args, "given to the factory; files are named relative to this file"))
    if draft.declared:
        lines.append(f"inputs = {_table({name: _declaration(each) for name, each in draft.declared.items()})}")
    else:
        first = draft.signature.inputs[0]
        example = _table({first.name: _example(first)})
        lines.append(f"# inputs = {example}   # what the model does not say of itself")
    if draft.outputs:
        lines.append(_line("outputs", draft.outputs, "names, in the model's order"))
    if draft.dims:
        lines.append(_line("dims", draft.dims, "symbolic dimensions that are fixed, for every target"))
    symbols = draft.signature.symbols
    inner = {size for spec in draft.signature.inputs for size in spec.shape[1:] if isinstance(size, str)}
    fixed = {symbol: 1 for symbol in symbols if symbol in inner}
    if fixed:
        lines.append(
            "# Targets of fixed shapes (tflite, coreml, tfjs) must be told the size of every dimension but the first:"
        )
        lines.append(f"# dims = {_table(fixed)}")
    return "\n".join(lines)


def _data(data: DataDraft | None) -> str:
    title = _beside("[data]", ".npz, one array for each input; the first axis counts the rows")
    if data is None:
        return "\n".join(
            (
                title,
                "# No data was named: artifacts are compared on inputs drawn from the signature, with no task metric.",
                '# calibration = { file = "data.npz", rows = "0:200" }',
                '# evaluation = { file = "data.npz", rows = "200:1000", labels = "label" }',
            )
        )
    names = {"inputs": data.inputs} if data.inputs else {}
    labels = {"labels": data.labels} if data.labels else {}
    lines = [
        title,
        f"# {_said(data.file)} has {data.row_count} rows. They must be in no order: a split of sorted rows misleads.",
    ]
    if data.calibration is not None:
        calibration = {"file": data.file, "rows": data.calibration, **names}
        lines.append(f"calibration = {_table(calibration)}   # what the ranges of integers are taken from")
    if data.tuning is not None:
        tuning = {"file": data.file, "rows": data.tuning, **labels, **names}
        lines.append(f"tuning = {_table(tuning)}   # what searches look at")
    evaluation = {"file": data.file, "rows": data.evaluation, **labels, **names}
    lines.append(f"evaluation = {_table(evaluation)}   # what judges; no row is in two of them")
    return "\n".join(lines)


def _metric(draft: Draft) -> str:
    known = "top1, top5, mse, mae, psnr, cosine, auc or file.py:function"
    if draft.metric is None:
        return "\n".join(
            (
                _beside("# [metric]", "how good the model is at its task; needs labels"),
                _beside('# name = "top1"', known),
            )
        )
    return "\n".join(("[metric]", _line("name", draft.metric, known)))


def _recipes(draft: Draft) -> str:
    lines = [
        _beside("[recipes]", "a name for each list of steps between the model and a target"),
        _line("fp32", [], "as trained"),
        _line("fp16", ["float16"], "weights stored in half the bytes"),
    ]
    int8 = [{"quantize": {"precision": INT8.value}}]
    if draft.no_integers is not None:
        lines.append(f"# No integers: {draft.no_integers}.")
    elif draft.data is None or draft.data.calibration is None:
        lines.append(f"# int8 = {_value(int8)}   # computed in integers; needs data.calibration")
    else:
        lines.append(f"int8 = {_value(int8)}   # computed in integers of eight bits")
        if draft.data.tuning is not None and draft.metric is not None:
            mixed = [{"quantize": {"precision": INT8.value, "max_drop": f"1.0 {_unit_of(draft.metric)}"}}]
            lines.append("# Where int8 loses too much, a build can find the fewest nodes that must stay float:")
            lines.append(f"# mixed = {_value(mixed)}")
    return "\n".join(lines)


def _targets(targets: Sequence[TargetDraft]) -> tuple[str, ...]:
    sections = []
    for target in targets:
        title, recipes = f"[targets.{_key(target.name)}]", f"recipes = {_value(target.recipes)}"
        if target.is_taken:
            sections.append(f"{title}\n{recipes}")
        elif target.fix is None:
            sections.append(f"# {target.asks}\n# {title}\n# {recipes}")
        else:
            sections.append(f"# Not installed here; first: {target.fix}\n# {title}\n# {recipes}")
    return tuple(sections)


def _gates(draft: Draft) -> str:
    drop, unit = _line if draft.metric is not None else _off, _unit_of(draft.metric or "top1")
    return "\n".join(
        (
            _beside("[gates]", "every bound has a unit; a build that breaks one leaves no bundle"),
            drop("max_drop", f"1.0 {unit}", f"at most {_ONE_OF[unit]} worse than the original"),
            _off("max_latency_p90", "20 ms", "nine calls of ten are faster, on each device below"),
            _off("max_size", "2 MB", "of all files of an artifact; [targets.NAME.gates] overrides"),
        )
    )


def _unit_of(metric: str) -> str:
    return BUILT_IN[metric].unit


def _here() -> str:
    return "\n".join(
        (
            _beside("[devices.here]", "where artifacts are run and measured"),
            _line("kind", "local", "this machine"),
            _line("threads", 1, "of the runtime"),
        )
    )


def _other_devices(targets: Sequence[TargetDraft]) -> tuple[str, ...]:
    """Write a section for each device that opens what this machine does not."""
    built = [target for target in targets if target.is_taken]
    sections = []
    for name in dict.fromkeys(target.device for target in built if target.device != HERE):
        opened = ", ".join(target.name for target in built if target.device == name)
        kind = WITHOUT_SETTINGS[name]["kind"]
        sections.append(
            "\n".join(
                (
                    _beside(f"[devices.{name}]", f"what this machine does not open itself: {opened}"),
                    _line("kind", kind, _OTHER_KINDS[kind]),
                    _line("backend", "wasm", _BACKENDS[kind]),
                )
            )
        )
    return tuple(sections)


_OTHER_KINDS = {"browser": 'or "node", without a browser', "node": 'or "browser", which needs Chromium'}
_BACKENDS = {"browser": "or webgl, webgpu, cpu", "node": "or cpu"}


def _bundle(draft: Draft) -> str:
    key = _line if draft.has_key else _off
    lines = ["[bundle]", _line("name", draft.name, ""), _line("version", "0.1.0", "raise it with every release")]
    if not draft.has_key:
        lines.append("# Without a key the bundle is unsigned, and `edgewright verify` refuses it.")
    lines.append(key("signing_key", "env:EDGEWRIGHT_SIGNING_KEY", "or a PEM file; `edgewright keygen` makes a pair"))
    return "\n".join(lines)


def _example(spec: TensorSpec) -> dict[str, object]:
    if len(spec.shape) == 4:
        return {"layout": "NCHW", "range": [0.0, 1.0]}
    return {"range": [0, 9] if "int" in spec.dtype else [0.0, 1.0]}


def _declaration(declared: TensorDeclaration) -> dict[str, object]:
    return {"shape": list(declared.shape or ()), "dtype": declared.dtype}


def _said(text: str) -> str:
    """Give text as a comment can hold it: on one line, and printable."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _line(key: str, value: object, comment: str) -> str:
    return _beside(f"{_key(key)} = {_value(value)}", comment)


def _off(key: str, value: object, comment: str) -> str:
    """Write a line that says nothing until somebody takes its mark away."""
    return _beside(f"# {_key(key)} = {_value(value)}", comment)


def _beside(text: str, comment: str) -> str:
    return f"{text:<{COMMENT_COLUMN - 2}}  # {comment}" if comment else text


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return _table(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's strings are JSON's, but for DEL


def _table(entries: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{_key(key)} = {_value(value)}" for key, value in entries.items()) + " }"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _value(key)
