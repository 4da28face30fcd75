"""Integers are called faster or slower by what was measured of both, beside each other."""

import msgspec
import pytest

from edgewright.profiles.forecast import Forecast, KernelTime, line_of, ratio_of
from edgewright.profiles.gain import gains_of, sentence_of
from edgewright.profiles.report import Latency, Parity, Profile, Verdict
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.training import Measured, TrainingRecord


@pytest.fixture
def measured(entry):
    """An entry of onnxruntime with a p50 in milliseconds."""

    def make(variant, precision, p50, **changes):
        latency = Latency(p50=p50, p90=p50, p99=p50, n=50)
        profile = Profile(load_ms=1, first_ms=1, latency_ms=latency, peak_memory_bytes=1, context={})
        plain = {
            "artifact": f"onnxruntime-{variant}",
            "target": "onnxruntime",
            "variant": variant,
            "precision": precision,
            "profile": profile,
            "verdict": Verdict.PASS,
            "evidence": Evidence.MEASURED_HOST,
            "batch": 1,
        }
        return msgspec.structs.replace(entry, **{**plain, **changes})

    return make


def test_slower_integers_are_told_and_stand_behind(measured):
    (gain,) = gains_of([measured("fp32", "fp32", 1.0), measured("int8", "static_wi8_ai8", 1.4)])
    assert gain.ratio == pytest.approx(1.4)
    assert sentence_of(gain) == (
        "onnxruntime-int8 on here: 1.40× slower than onnxruntime-fp32 (host); "
        "the ladder puts onnxruntime-fp32 before it"
    )


def test_faster_integers_are_told_and_stand_before(measured):
    (gain,) = gains_of([measured("int8", "static_wi8_ai8", 0.5), measured("fp32", "fp32", 1.0)])
    assert sentence_of(gain).endswith(
        "2.00× faster than onnxruntime-fp32 (host); the ladder puts it before onnxruntime-fp32"
    )


def test_of_what_did_not_pass_no_place_on_the_ladder_is_told(measured):
    entries = [measured("fp32", "fp32", 1.0), measured("int8", "static_wi8_ai8", 0.5, verdict=Verdict.FAIL)]
    assert "ladder" not in sentence_of(gains_of(entries)[0])


def test_what_differs_by_less_than_two_runs_is_alike(measured):
    (gain,) = gains_of([measured("fp32", "fp32", 1.0), measured("int8", "static_wi8_ai8", 1.02)])
    assert gain.faster is None
    assert sentence_of(gain) == "onnxruntime-int8 on here: as fast as onnxruntime-fp32 (host)"


@pytest.mark.parametrize(
    "other",
    [{"evidence": Evidence.EMULATED}, {"device": "there"}, {"threads": 4}, {"target": "tflite"}, {"profile": None}],
)
def test_only_what_was_measured_alike_is_paired(measured, other):
    assert gains_of([measured("fp32", "fp32", 1.0, **other), measured("int8", "static_wi8_ai8", 0.5)]) == ()


def test_integers_of_another_model_stand_beside_its_own_floats(measured):
    small = {"made": Parity(outputs={}, rows=1, inputs="evaluation"), "training": (LEARNED,)}
    floats = [measured("fp32", "fp32", 1.0), measured("small", "fp32", 0.5, **small)]
    gains = gains_of(
        [*floats, measured("int8", "static_wi8_ai8", 0.8), measured("small8", "static_wi8_ai8", 0.6, **small)]
    )
    assert [(gain.artifact, gain.beside) for gain in gains] == [
        ("onnxruntime-int8", "onnxruntime-fp32"),
        ("onnxruntime-small8", "onnxruntime-small"),
    ]


LEARNED = TrainingRecord(
    step="distill",
    options="{}",
    data="",
    rows=8,
    labelled=False,
    teacher="",
    seed=0,
    steps=1,
    planned=1,
    kept=1,
    metric=Measured(name="agreement", before=50.0, after=75.0, rows=4),
    threads=1,
)


def test_latencies_are_compared_for_one_row(measured):
    (gain,) = gains_of([measured("fp32", "fp32", 8.0, batch=8), measured("int8", "static_wi8_ai8", 0.5)])
    assert gain.ratio == pytest.approx(0.5)


def test_a_forecast_weighs_kernels_by_the_time_of_all_their_nodes():
    many = KernelTime(kernel="conv", nodes=9, macs=900, float_ms=1.0, integer_ms=0.5)
    one = KernelTime(kernel="matmul", nodes=1, macs=100, float_ms=1.0, integer_ms=5.5)
    assert ratio_of((many, one)) == pytest.approx((9 * 0.5 + 5.5) / 10)


@pytest.fixture
def forecast():
    """Of a target that is foretold to be twice as fast in integers."""
    kernel = KernelTime(kernel="conv", nodes=4, macs=930, float_ms=1.0, integer_ms=0.5)
    return Forecast(
        target="tflite",
        device="here",
        precision="static_wi8_ai8",
        runtime="ai-edge-litert",
        runtime_version="2.3.0",
        ratio=0.5,
        covered=0.93,
        kernels=(kernel,),
        measured=Evidence.MEASURED_HOST,
        instructions=("avx512-vnni",),
    )


def test_a_forecast_says_that_it_is_an_estimate_and_of_what(forecast):
    assert forecast.evidence is Evidence.ESTIMATED
    assert line_of(forecast) == (
        "tflite on here: static_wi8_ai8 should be 2.00× faster than fp32 (estimated from 1 kernel with 93 % of the "
        "MACs; the CPU has avx512-vnni)"
    )


def test_what_was_measured_stands_beside_what_was_foretold_of_it(measured, forecast):
    entries = [measured("fp32", "fp32", 1.0), measured("int8", "static_wi8_ai8", 1.4)]
    here = msgspec.structs.replace(forecast, target="onnxruntime")
    (gain,) = gains_of(entries, [forecast, here])
    assert gain.foretold == 0.5
    assert "(host; 2.00× faster was estimated)" in sentence_of(gain)


def test_of_another_target_nothing_was_foretold(measured, forecast):
    (gain,) = gains_of([measured("fp32", "fp32", 1.0), measured("int8", "static_wi8_ai8", 1.4)], [forecast])
    assert gain.foretold is None
