"""Task metrics, and how much worse an artifact is by them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, top_k_accuracy_score

from edgewright.profiles import metrics, scores
from edgewright.profiles.drop import measure_drop
from edgewright.vocabulary.errors import ConfigError, DataError, ToolError
from edgewright.vocabulary.signature import TensorSpec
from edgewright.vocabulary.tensor_folder import TensorFolder

SCORES = TensorSpec(name="y", dtype="float32", shape=("batch", 3), labels=("no", "yes", "up"))


@pytest.fixture
def judge(tmp_path):
    """Measure the drop of `candidate` against `reference` by a metric."""

    def measure(name, reference, candidate, labels, spec=SCORES, **options):
        folders = [
            TensorFolder.write(tmp_path / f"{len(list(tmp_path.iterdir()))}", {spec.name: np.asarray(array)})
            for array in (reference, candidate)
        ]
        metric = metrics.load(name, [spec], folder=tmp_path, **options)
        return measure_drop(metric, *folders, None if labels is None else np.asarray(labels))

    return measure


def one_hot(indices):
    return np.eye(3, dtype=np.float32)[indices]


def test_top1_is_the_share_of_rows_read_right(judge):
    found = judge("top1", one_hot([0, 1, 2, 2]), one_hot([0, 1, 0, 0]), [0, 1, 2, 1])
    assert (found.reference, found.value, found.drop_pp, found.unit, found.rows) == (0.75, 0.5, 25.0, "pp", 4)


def test_labels_may_be_names(judge):
    assert judge("top1", one_hot([0, 1, 2]), one_hot([0, 1, 2]), ["no", "yes", "no"]).value == 2 / 3


def test_an_artifact_that_is_better_has_a_negative_drop(judge):
    assert judge("top1", one_hot([0, 0]), one_hot([0, 1]), [0, 1]).drop_pp == -50.0


def test_equal_outputs_have_no_drop_and_no_doubt(judge):
    found = judge("top1", one_hot([0, 1, 2]), one_hot([0, 1, 2]), [0, 1, 1])
    assert (found.drop_pp, found.ci95) == (0.0, (0.0, 0.0))


def test_a_row_that_is_not_a_number_is_read_wrong(judge):
    broken = one_hot([0, 1])
    broken[1] = np.nan
    assert judge("top1", one_hot([0, 1]), broken, [0, 1]).value == 0.5


def test_one_row_of_eight_hundred_is_an_eighth_of_a_point_exactly(judge):
    right, labels = one_hot([0] * 800), [0] * 800
    assert judge("top1", right, one_hot([1] * 8 + [0] * 792), labels).drop_pp == 1.0


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_top_k_agrees_with_scikit_learn(seed, k):
    generator = np.random.default_rng(seed)
    values, labels = generator.standard_normal((20, 7)), generator.integers(0, 7, 20)
    expected = top_k_accuracy_score(labels, values, k=k, labels=range(7))
    assert scores.top_k(values, labels, k).mean() == pytest.approx(expected)


def test_of_equal_scores_the_lower_class_comes_first():
    even = np.zeros((3, 3), np.float32)
    assert scores.top_k(even, np.array([0, 1, 2]), 1).tolist() == [1.0, 0.0, 0.0]
    assert scores.top_k(even, np.array([0, 1, 2]), 2).tolist() == [1.0, 1.0, 0.0]


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(deadline=None, max_examples=30)
def test_auc_agrees_with_scikit_learn_with_ties(seed, levels):
    generator = np.random.default_rng(seed)
    values = generator.integers(0, levels, 40) / levels
    labels = np.concatenate([[True, False], generator.random(38) < 0.3])
    assert scores.auc(values, labels) == pytest.approx(roc_auc_score(labels, values))


def test_auc_takes_the_second_of_two_classes(judge):
    spec = TensorSpec(name="y", dtype="float32", shape=("batch", 2))
    good = np.float32([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
    assert judge("auc", good, good, [0, 1, 0, 1], spec).value == 1.0
    assert judge("auc", good, good[:, ::-1], [0, 1, 0, 1], spec).drop_pp == 100.0


def test_mean_errors_drop_in_percent_of_the_reference(judge):
    labels = np.zeros((2, 3), np.float32)
    found = judge("mse", labels + 1.0, labels + 2.0, labels)
    assert (found.reference, found.value, found.drop_pp, found.unit) == (1.0, 4.0, 300.0, "%")
    assert judge("mae", labels + 1.0, labels + 2.0, labels).drop_pp == 100.0


def test_psnr_takes_the_range_of_the_output_as_its_peak(judge):
    spec = TensorSpec(name="y", dtype="float32", shape=("batch", 2), range=(0.0, 10.0))
    labels = np.float32([[3.0, 4.0]])
    found = judge("psnr", labels + 1.0, labels + 0.1, labels, spec)
    assert found.reference == pytest.approx(20.0)
    assert found.value == pytest.approx(40.0, abs=1e-4)
    assert found.drop_pp < 0.0


def test_cosine_is_the_mean_over_the_rows(judge):
    labels = np.float32([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    found = judge("cosine", labels * 3.0, np.float32([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), labels)
    assert (found.reference, found.value) == (1.0, 0.5)


def test_without_labels_the_original_stands_for_them(judge):
    values = np.float32([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert judge("cosine", values, values, None).value == 1.0
    with pytest.raises(DataError, match="metric top1 needs labels"):
        judge("top1", values, values, None)


def test_a_drop_in_percent_of_nothing_is_refused(judge):
    values = np.zeros((2, 3), np.float32)
    with pytest.raises(DataError, match="mse of the original model is 0"):
        judge("mse", values, values + 1.0, None)


def test_outputs_that_are_no_numbers_have_no_mean_error(judge):
    labels = np.zeros((2, 3), np.float32)
    with pytest.raises(ToolError, match="mse of the artifact is nan"):
        judge("mse", labels + 1.0, labels * np.nan, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "there are 2 labels for 3 rows"),
        ([0, 1, 3], "the label 3 is no class of an output with 3 classes"),
        ([0, 1, -1], "the label -1 is no class"),
        ([0.0, 1.0, 1.5], "labels must be class numbers or names, got float64"),
        (["no", "yes", "maybe"], "the label 'maybe' is no class of the output"),
        ([[0], [1], [2]], "expected one label a row"),
    ],
)
def test_labels_that_do_not_fit_are_refused(judge, labels, message):
    with pytest.raises(DataError, match=message):
        judge("top1", one_hot([0, 1, 2]), one_hot([0, 1, 2]), labels)


def test_names_need_the_classes_of_the_output(judge):
    with pytest.raises(DataError, match="the output does not say its classes"):
        judge("top1", one_hot([0]), one_hot([0]), ["no"], TensorSpec(name="y", dtype="float32", shape=(1, 3)))


def test_a_metric_of_classes_refuses_other_outputs(judge):
    image = np.zeros((2, 3, 4, 4), np.float32)
    with pytest.raises(DataError, match=r"needs an output \[rows, classes\], got \[1, 3, 4, 4\]"):
        judge("top1", image, image, [0, 1])


def test_the_pieces_in_which_it_is_read_make_no_difference(judge, monkeypatch):
    generator = np.random.default_rng(1)
    reference, candidate = generator.standard_normal((2, 50, 3))
    labels = generator.integers(0, 3, 50)
    whole = judge("top1", reference, candidate, labels)
    monkeypatch.setattr("edgewright.profiles.built_in_metric.CHUNK_ELEMENTS", 7)
    assert judge("top1", reference, candidate, labels) == whole


CUSTOM = """
import numpy as np

def right(outputs, labels):
    return float(np.mean(outputs["y"].argmax(1) == labels))

right.higher_is_better = True
right.is_share = True

def row_errors(outputs, labels):
    return (outputs["y"].argmax(1) != labels).astype(float)

def broken(outputs, labels):
    raise KeyError("x")

def shapeless(outputs, labels):
    return outputs["y"]

number = 3
"""


@pytest.fixture
def custom(tmp_path):
    (tmp_path / "own.py").write_text(CUSTOM, "utf-8")


@pytest.mark.usefixtures("custom")
def test_a_function_of_the_users_is_a_metric(judge):
    reference, candidate, labels = one_hot([0, 1, 2, 2]), one_hot([0, 1, 0, 0]), [0, 1, 2, 1]
    found = judge("own.py:right", reference, candidate, labels)
    built_in = judge("top1", reference, candidate, labels)
    assert (found.value, found.drop_pp, found.unit) == (0.5, 25.0, "pp")
    assert found.ci95 == built_in.ci95


@pytest.mark.usefixtures("custom")
def test_a_function_may_give_a_score_for_each_row(judge):
    found = judge("own.py:row_errors", one_hot([0, 1]), one_hot([1, 0]), [0, 0], higher_is_better=False)
    assert (found.reference, found.value, found.drop_pp, found.unit) == (0.5, 0.5, 0.0, "%")


@pytest.mark.usefixtures("custom")
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("own.py:row_errors", {}, "it is not said whether more of own.py:row_errors is better"),
        ("own.py:missing", {}, "cannot load own.py:missing"),
        ("none.py:right", {}, "cannot load none.py:right"),
        ("own.py:number", {}, "own.py:number is no function"),
        ("top3", {}, "there is no metric 'top3'"),
        ("top1", {"output": "z"}, "metric.output names 'z', which the model does not have"),
        ("mse", {"higher_is_better": True}, "metric.higher_is_better is false for mse"),
    ],
)
def test_a_metric_that_cannot_be_had_is_refused(judge, name, options, message):
    with pytest.raises(ConfigError, match=message):
        judge(name, one_hot([0]), one_hot([0]), [0], **options)


@pytest.mark.usefixtures("custom")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own.py:broken", "metric own.py:broken raised KeyError: 'x'"),
        ("own.py:shapeless", "gives neither a number nor one for each of the 2 rows"),
    ],
)
def test_a_function_that_fails_is_named(judge, name, message):
    with pytest.raises(DataError, match=message):
        judge(name, one_hot([0, 1]), one_hot([0, 1]), [0, 1], higher_is_better=True)
