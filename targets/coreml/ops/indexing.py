"""Gathers.

ONNX counts negative indices from the end. MIL's `gather` does so up to iOS 16 and no other of its operations does, so
indices are counted from the front here: at once where they are constant, at run time where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ....compiler.lowering.indices import counted_from_the_front
from ....compiler.lowering.refused import Refused
from ..builder import Array, Builder, Var, type_name
from ..call import Call
from ..deployment import Deployment
from .broadcasting import choose
from .lowering import Lowering
from .sizes import is_number, size_of, vector_of


def through_integers(b: Builder, x: Var, work: Callable[[Var], Var]) -> Var:
    """Do `work` on booleans as integers: MIL's gathers and scatters have none."""
    return b.cast(work(b.cast(x, "int32")), "bool") if type_name(x) == "bool" else work(x)


def from_the_front(b: Builder, call: Call, index: int, axes: Sequence[int]) -> Array | Var:
    """Give an input of indices into `call[0]` without negative ones.

    `axes` are those that the indices are for: one for all of them, or one for each place of their last axis.

    Raises:
        Refused: when a constant one lies outside of its axis.
    """
    sizes = [call.sizes()[axis] for axis in axes]
    if call.is_constant(index):
        known = call.constant(index, "indices")
        if all(map(is_number, sizes)):
            return counted_from_the_front(known, sizes)
        if not (known < 0).any():
            return known
    computed = call[index]
    whole = vector_of(b, [size_of(b, call[0], axis) for axis in axes])
    if not len(computed.shape):
        whole = whole[0] if isinstance(whole, np.ndarray) else b.op("squeeze", whole, axes=[0])
    return b.op("select", b.op("less", computed, 0), b.op("add", computed, whole), computed)


def gather(call: Call, b: Builder) -> Var:
    """Gather."""
    x, axis = call[0], call.axis(0)
    counts_itself = b.deployment < Deployment.IOS17 and not call.is_constant(1)
    indices = call[1] if counts_itself else from_the_front(b, call, 1, [axis])
    if isinstance(indices, np.ndarray) and not indices.ndim:
        indices = indices[()]
    return through_integers(b, x, lambda given: b.op("gather", given, indices, axis=axis))


def gather_elements(call: Call, b: Builder) -> Var:
    """GatherElements; along the other axes the indices may be fewer than the elements."""
    x, axis = call[0], call.axis(0)
    indices = from_the_front(b, call, 1, [axis])
    bounds = {}
    for at, (own, wanted) in enumerate(zip(x.shape, indices.shape, strict=True)):
        if at != axis and own != wanted:
            if not is_number(wanted):
                raise Refused("its indices have an axis whose size is known only at run time")
            bounds[at] = wanted
    if bounds:
        kept = [at not in bounds for at in range(call.rank())]
        ends = [bounds.get(at, 0) for at in range(call.rank())]
        x = b.op("slice_by_index", x, begin=[0] * call.rank(), end=ends, begin_mask=kept, end_mask=kept)
    return through_integers(b, x, lambda given: b.op("gather_along_axis", given, indices, axis=axis))


def gather_nd(call: Call, b: Builder) -> Var:
    """GatherND; batches need `batch_dims`, which came with iOS 16."""
    x, shared = call[0], call.integer("batch_dims", 0)
    depth = call.sizes(1)[-1]
    if not is_number(depth):
        raise Refused("how many axes its indices are for is known only at run time")
    indices = from_the_front(b, call, 1, range(shared, shared + int(depth)))
    if shared:
        b.require(Deployment.IOS16, "gather_nd with batches")
    alone = call.rank(1) == 1 and depth == call.rank()
    if alone:  # a scalar, which gather_nd does not give
        indices = indices[None] if isinstance(indices, np.ndarray) else b.op("expand_dims", indices, axes=[0])
    batches = {"batch_dims": shared} if shared else {}
    found = through_integers(b, x, lambda given: b.op("gather_nd", given, indices, **batches))
    return b.op("squeeze", found, axes=[0]) if alone else found


def one_hot(call: Call, b: Builder) -> Var:
    """OneHot: a comparison with every place, so that an index out of range gives nothing but the value for off."""
    depth = int(call.constant(1, "depth").item())
    rank, axis = call.rank(), call.integer("axis", -1)
    axis = axis + rank + 1 if axis < 0 else axis
    indices = b.cast(call[0], "int32")  # a float stands for the integer that it is cut to
    indices = b.op("expand_dims", indices, axes=[axis]) if rank else b.op("reshape", indices, [1])
    indices = b.op("select", b.op("less", indices, 0), b.op("add", indices, np.array([depth])), indices)
    places = np.arange(depth).reshape([depth if at == axis else 1 for at in range(rank + 1)])
    hit = b.op("equal", indices, places)
    if call.is_constant(2):
        off, on = (b.const(value) for value in call.constant(2, "values"))
    else:
        off, on = (b.op("gather", call[2], place, axis=0) for place in (0, 1))
    return choose(b, hit, on, off)


LOWERINGS: dict[str, Lowering] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "OneHot": one_hot,
}
