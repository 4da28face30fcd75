"""What every table of operators reckons with: places of slices, pieces, pads, columns and windows."""

import numpy as np
import pytest

from edgewright.compiler.lowering.einsum import roles
from edgewright.compiler.lowering.indices import counted_from_the_front
from edgewright.compiler.lowering.interpolation import between, is_between, repeats
from edgewright.compiler.lowering.padding import added, centred, left, repeated
from edgewright.compiler.lowering.parts import equal_pieces, sliced
from edgewright.compiler.lowering.refused import Refused
from edgewright.compiler.lowering.windows import Windows

FAR = 1 << 63


@pytest.mark.parametrize(
    ("bounds", "places"),
    [
        ((1, FAR - 1, 2), [1, 3]),
        ((-2, 5, 1), [3, 4]),
        ((-1, -FAR, -2), [4, 2, 0]),
        ((-10, -FAR, -1), [0]),  # Python's slice has nothing here
        ((FAR - 1, 2, -1), [4, 3]),
        ((3, 2, 1), []),
    ],
)
def test_a_slice_takes_the_places_that_onnx_says(bounds, places):
    assert [*sliced(5, *bounds)] == places


def test_the_last_of_equal_pieces_is_smaller_and_never_less_than_nothing():
    assert equal_pieces(5, 3) == [2, 2, 1]
    assert equal_pieces(6, 4) == [2, 2, 2, 0]
    with pytest.raises(Refused, match="5 elements are less than 3 pieces of 2"):
        equal_pieces(5, 4)


def test_negative_indices_count_from_the_end_of_their_own_axis():
    assert counted_from_the_front(np.array([[-1, 0], [1, -3]]), [2, 3]).tolist() == [[1, 0], [1, 0]]
    with pytest.raises(Refused, match="outside of its axis of 2 × 3"):
        counted_from_the_front(np.array([[0, 3]]), [2, 3])


@pytest.mark.parametrize(("size", "wanted", "ends"), [(5, 8, (1, 2)), (8, 5, (-1, -2)), (4, 6, (1, 1)), (4, 4, (0, 0))])
def test_what_is_centred_has_one_more_behind(size, wanted, ends):
    assert centred(size, wanted) == ends


def test_a_pad_cuts_some_ends_and_lengthens_others():
    ends = {0: (-1, 2), 2: (0, 0), 3: (0, -2)}
    assert left(ends, [4, None, None, 5]) == {0: range(1, 4), 3: range(3)}
    assert added(ends) == {0: (0, 2)}
    with pytest.raises(Refused, match="known only at run time"):
        left(ends, [None, 1, 1, 5])


def test_axes_are_repeated_by_their_edge_their_mirror_or_themselves():
    assert {mode: repeated(3, (2, 1), mode).tolist() for mode in ("edge", "reflect", "wrap")} == {
        "edge": [0, 0, 0, 1, 2, 2],
        "reflect": [2, 1, 0, 1, 2, 1],
        "wrap": [1, 2, 0, 1, 2, 0],
    }


def test_weights_of_places_between_elements_are_their_distances():
    assert between(np.array([-0.5, 0.25, 2.0]), 3).tolist() == [[1, 0, 0], [0.75, 0.25, 0], [0, 0, 1]]
    assert not is_between(np.array([[0.5, 0.5]]), np.array([0.25]))
    assert repeats(np.array([0, 0, 1, 1]), 2) == 2
    assert repeats(np.array([0, 1, 1]), 2) == 0


def test_labels_of_a_product_have_one_role_each():
    role = roles("bik", "bkj", {"b", "i", "j"})
    assert (role.batch, role.inner, role.rows, role.columns) == (["b"], ["k"], ["i"], ["j"])


def test_a_window_beyond_the_declared_padding_counts_only_where_it_begins_before_it():
    windows = Windows(size=(6,), kernel=(3,), stride=(2,), dilation=(1,), before=(0,), after=(0,), ceil=True)
    assert (windows.output, windows.pads) == ((3,), ((0, 1),))
    assert windows.counts(with_padding=True).tolist() == [3, 3, 2]
    floor = Windows(size=(6,), kernel=(3,), stride=(2,), dilation=(1,), before=(0,), after=(0,), ceil=False)
    assert (floor.output, floor.touched) == ((2,), ((0, -1),))
