"""Gates are read with their units, and what they say of an entry is said in words."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.profiles.gates import DIMENSIONS, GateOn, Gates, parse
from edgewright.profiles.judge import judge
from edgewright.profiles.report import MetricResult, TensorParity, Verdict
from edgewright.vocabulary.errors import ConfigError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.quantity import Dimension, Quantity

WHERE = "edgewright.toml"


def change(struct, **fields):
    return msgspec.structs.replace(struct, **fields)


def held(entry, **table):
    return judge(entry, parse(table, WHERE))


def with_output(entry, **fields):
    output = change(entry.parity.outputs["probability"], **fields)
    return change(entry, parity=change(entry.parity, outputs={"probability": output}))


# reading


def test_reads_bounds_with_units():
    gates = parse({"max_drop": "1.0 pp", "max_latency_p90": "20ms", "max_size": "2 MB"}, WHERE)
    assert gates.bounds == {
        "max_drop": Quantity(1.0, "pp"),
        "max_latency_p90": Quantity(20.0, "ms"),
        "max_size": Quantity(2.0, "MB"),
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"max_latency_p90": "8"},
            (
                "edgewright.toml: expected a number with a unit of time (ns, us, µs, ms, s, min, h) "
                "in targets.tflite.gates.max_latency_p90, got '8'"
            ),
        ),
        (
            {"max_latency_p90": 8},
            (
                "edgewright.toml: expected a number with a unit of time (ns, us, µs, ms, s, min, h) "
                "in targets.tflite.gates.max_latency_p90, got 8"
            ),
        ),
        (
            {"max_size": "8 ms"},
            (
                "edgewright.toml: expected a number with a unit of size (B, kB, KB, MB, GB, KiB, MiB, GiB) "
                "in targets.tflite.gates.max_size, got '8 ms'"
            ),
        ),
        (
            {"gate_on": "median"},
            'edgewright.toml: expected "point" or "ci95" in targets.tflite.gates.gate_on, got \'median\'',
        ),
        (
            {"allow_not_run": "max_load"},
            "edgewright.toml: expected a list of gates in targets.tflite.gates.allow_not_run, got 'max_load'",
        ),
        ({"max_latency": "8 ms"}, "edgewright.toml: unknown key targets.tflite.gates.max_latency"),
        (
            {"min_cosine": "2 abs"},
            "edgewright.toml: expected a cosine between -1 and 1 in targets.tflite.gates.min_cosine, got '2 abs'",
        ),
        (
            {"max_size": "-1 B"},
            "edgewright.toml: expected a bound that is not negative in targets.tflite.gates.max_size, got '-1 B'",
        ),
    ],
)
def test_refuses_what_cannot_be_meant_and_says_where(table, message):
    with pytest.raises(ConfigError) as caught:
        parse(table, WHERE, "targets.tflite.gates")
    assert caught.value.message == message


def test_refuses_to_allow_a_gate_that_does_not_exist():
    with pytest.raises(ConfigError, match="names of gates"):
        parse({"allow_not_run": ["max_lod"]}, WHERE)


@given(st.sampled_from(sorted(DIMENSIONS)), st.one_of(st.text(max_size=12), st.integers(), st.none(), st.booleans()))
def test_what_is_no_quantity_of_the_gates_dimension_is_an_error_that_names_it(name, value):
    try:
        expected = Quantity.parse(value if isinstance(value, str) else "", DIMENSIONS[name])
    except ValueError:
        with pytest.raises(ConfigError, match=f"gates.{name}"):
            parse({name: value}, WHERE)
    else:
        assert parse({name: value}, WHERE).bounds[name] == expected


@given(st.floats(0, 1e9), st.sampled_from(sorted(Quantity.UNITS)))
def test_every_unit_of_time_is_read(value, unit):
    dimension = Quantity.UNITS[unit][0]
    table = {"max_load": f"{value!r} {unit}"}
    if dimension is Dimension.TIME:
        assert parse(table, WHERE).bounds["max_load"].value == value
    else:
        with pytest.raises(ConfigError):
            parse(table, WHERE)


def test_a_targets_own_gates_stand_instead_of_the_common_ones():
    common = parse({"max_size": "2 MB", "max_load": "1 s", "gate_on": "ci95", "allow_not_run": ["max_load"]}, WHERE)
    own = parse({"max_size": "1 MB", "allow_not_run": []}, WHERE)
    both = common.overridden_by(own)
    assert both.bounds == {"max_size": Quantity(1.0, "MB"), "max_load": Quantity(1.0, "s")}
    assert both.gate_on is GateOn.CI95
    assert not both.allows_not_run("max_load")
    assert common.overridden_by(Gates()) == common


# judging figures


def test_an_entry_that_holds_everything_passes(entry):
    judged = held(entry, max_drop="1 pp", max_latency_p90="1 ms", max_size="50 kB", max_memory="20 MB")
    assert (judged.verdict, judged.reasons) == (Verdict.PASS, ())


@pytest.mark.parametrize(
    ("gate", "bound", "reason"),
    [
        ("max_size", "40 kB", "max_size: 41.43 kB, over 40 kB"),
        ("max_latency_p50", "42 us", "max_latency_p50: 43 us, over 42 us"),
        ("max_latency_p90", "0.04 ms", "max_latency_p90: 0.047 ms, over 0.04 ms"),
        ("max_latency_p99", "50 us", "max_latency_p99: 73 us, over 50 us"),
        ("max_load", "3 ms", "max_load: 3.2 ms, over 3 ms"),
        ("max_first", "0.5 ms", "max_first: 0.58 ms, over 0.5 ms"),
        ("max_memory", "10 MB", "max_memory: 11.68 MB, over 10 MB"),
    ],
)
def test_a_broken_bound_fails_and_says_by_how_much(entry, gate, bound, reason):
    judged = held(entry, **{gate: bound})
    assert (judged.verdict, judged.reasons) == (Verdict.FAIL, (reason,))


def test_a_bound_that_is_just_reached_holds(entry):
    assert held(entry, max_size="41433 B").verdict is Verdict.PASS


def test_a_gate_that_cannot_run_fails(entry):
    judged = held(change(entry, profile=None), max_latency_p90="1 ms")
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons == ("max_latency_p90 not run: no latency was measured",)


def test_a_gate_that_may_stay_unjudged_does_not_fail(entry):
    judged = held(change(entry, profile=None), max_latency_p90="1 ms", allow_not_run=["max_latency_p90"])
    assert judged.verdict is Verdict.PASS
    assert judged.reasons == ("max_latency_p90 not run (allowed): no latency was measured",)


def test_allowing_a_gate_not_to_run_does_not_allow_it_to_be_broken(entry):
    assert held(entry, max_load="1 ms", allow_not_run=["max_load"]).verdict is Verdict.FAIL


def without_metric(entry):
    return change(entry, parity=change(entry.parity, metric=None))


def test_a_metric_that_nobody_asked_for_is_no_failure(entry):
    assert held(without_metric(entry)).verdict is Verdict.PASS


# judging the drop


def with_drop(entry, drop, low, high, unit="pp"):
    metric = MetricResult(name="top1", value=0.9, reference=0.91, drop_pp=drop, ci95=(low, high), rows=800, unit=unit)
    return change(entry, parity=change(entry.parity, metric=metric))


def test_the_drop_is_judged_by_its_point_estimate(entry):
    assert held(with_drop(entry, 1.0, 0.8, 1.0), max_drop="1 pp").verdict is Verdict.PASS
    judged = held(with_drop(entry, 1.1, 1.05, 1.2), max_drop="1 pp")
    assert (judged.verdict, judged.reasons) == (Verdict.FAIL, ("max_drop: top1 drops by 1.1 pp, over 1 pp",))


def test_a_bound_within_the_interval_is_underpowered(entry):
    judged = held(with_drop(entry, 0.5, -0.2, 1.3), max_drop="1 pp")
    assert judged.verdict is Verdict.PASS
    assert judged.reasons == (
        "max_drop: underpowered: with 800 rows the drop lies between -0.2 and 1.3 pp, on both sides of 1 pp",
    )


def test_the_strict_form_judges_the_end_of_the_interval(entry):
    judged = held(with_drop(entry, 0.5, -0.2, 1.3), max_drop="1 pp", gate_on="ci95")
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons[0] == "max_drop: top1 drops by up to 1.3 pp, over 1 pp"
    assert held(with_drop(entry, 0.5, -0.2, 0.9), max_drop="1 pp", gate_on="ci95").verdict is Verdict.PASS


def test_a_drop_without_a_metric_cannot_be_judged(entry):
    judged = held(without_metric(entry), max_drop="1 pp")
    assert (judged.verdict, judged.reasons) == (Verdict.FAIL, ("max_drop not run: no task metric was measured",))


def test_points_and_percent_are_not_confused(entry):
    judged = held(with_drop(entry, 0.5, 0.4, 0.6, unit="%"), max_drop="1 pp")
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons == ("max_drop: the bound is in pp, but a drop of top1 is in %",)


# judging tensors


@pytest.mark.parametrize(
    ("precision", "max_abs", "reference_max_abs", "verdict"),
    [
        ("fp32", 1e-4, 0.5, Verdict.PASS),
        ("fp32", 1.1e-4, 0.5, Verdict.FAIL),
        ("fp32", 9e-4, 10.0, Verdict.PASS),
        ("fp32", 1.1e-3, 10.0, Verdict.FAIL),
        ("fp16", 5e-2, 0.5, Verdict.PASS),
        ("fp16", 5.1e-2, 0.5, Verdict.FAIL),
    ],
)
def test_tensors_are_always_held_to_the_bounds_of_their_precision(
    entry, precision, max_abs, reference_max_abs, verdict
):
    output = with_output(change(entry, precision=precision), max_abs=max_abs, reference_max_abs=reference_max_abs)
    assert held(output).verdict is verdict


def test_a_reason_names_the_output_and_both_numbers(entry):
    assert held(with_output(entry, max_abs=0.25)).reasons == (
        "max_abs: output probability is off by 0.25, over 0.0001",
    )


def test_a_named_bound_stands_instead_of_the_default(entry):
    assert held(with_output(entry, max_abs=0.25), max_abs="0.3 abs").verdict is Verdict.PASS
    assert held(with_output(entry, max_abs=5e-5), max_abs="1e-5 abs").verdict is Verdict.FAIL


def test_cosine_and_psnr_are_bounds_from_below(entry):
    assert held(with_output(entry, cosine=0.9), min_cosine="0.95 abs").verdict is Verdict.FAIL
    assert held(with_output(entry, psnr_db=39.0), min_psnr="40 dB").verdict is Verdict.FAIL
    assert held(with_output(entry, cosine=0.96, psnr_db=41.0), min_cosine="0.95 abs", min_psnr="40 dB").reasons == ()


def test_equal_outputs_need_no_cosine_and_no_psnr(entry):
    equal = with_output(entry, max_abs=0.0, cosine=None, psnr_db=None, snr_db=None, equal_fraction=1.0)
    assert held(equal, min_cosine="0.99 abs", min_psnr="40 dB").verdict is Verdict.PASS


def test_outputs_that_are_not_finite_fail_whatever_is_allowed(entry):
    broken = with_output(entry, max_abs=None, cosine=None, psnr_db=None, snr_db=None, nonfinite=3)
    judged = held(broken, max_abs="1000 abs", allow_not_run=["max_abs"])
    assert judged.verdict is Verdict.FAIL
    assert "3 elements that are NaN or infinite" in judged.reasons[0]


@pytest.mark.parametrize(
    ("precision", "share", "verdict"),
    [("fp32", 0.999, Verdict.PASS), ("fp32", 0.99, Verdict.FAIL), ("fp16", 0.99, Verdict.PASS)],
)
def test_integers_are_judged_by_the_share_that_is_equal(entry, precision, share, verdict):
    ids = TensorParity(
        max_abs=500.0,
        cosine=0.1,
        psnr_db=1.0,
        snr_db=1.0,
        equal_fraction=share,
        reference_max_abs=900.0,
        dtype="int64",
    )
    entry = change(entry, precision=precision, parity=change(entry.parity, outputs={"ids": ids}))
    assert held(entry).verdict is verdict


def test_a_precision_without_defaults_must_be_given_a_bound(entry):
    unknown = change(entry, precision="int4")
    judged = held(unknown)
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons == ("max_abs not run: output probability of precision int4 has no default bound, name one",)
    assert held(unknown, min_cosine="0.9 abs").verdict is Verdict.PASS


# what was not run


def test_an_artifact_that_was_never_run_does_not_pass(entry):
    untouched = change(entry, parity=None, profile=None, evidence=Evidence.NOT_RUN)
    assert held(untouched).verdict is Verdict.FAIL
    assert held(untouched, allow_not_run=["max_abs"]).verdict is Verdict.NOT_RUN


def test_without_an_artifact_there_is_nothing_to_judge(entry):
    refused = change(entry, files=(), size_bytes=0, parity=None, evidence=Evidence.NOT_RUN, reasons=("refused",))
    judged = held(refused, max_size="1 B")
    assert (judged.verdict, judged.reasons) == (Verdict.NOT_RUN, ("refused",))


def test_reasons_that_an_entry_has_stay(entry):
    assert held(change(entry, reasons=("noted before",)), max_size="1 B").reasons[0] == "noted before"


def test_float16_is_held_to_the_direction_of_the_whole_output(entry):
    entry = change(entry, precision="fp16")
    assert held(with_output(entry, max_abs=0.02, cosine=0.99991)).verdict is Verdict.PASS
    judged = held(with_output(entry, max_abs=0.02, cosine=0.9998))
    assert judged.reasons == ("min_cosine: output probability has 0.9998, under 0.9999",)
