"""Messages that are well formed and say nonsense: every field of a model in turn."""

import random
import tracemalloc

import numpy as np
import pytest

from edgewright.targets.coreml.interpreter.session import Session

MODEL = "Data/com.apple.CoreML/model.mlmodel"
NUMBERS = (0, -1, 1, 2, 3, 7, 100, 2**15, 2**24, 2**31 - 1, -(2**31), 2**40, 2**62)
REALS = (0.0, -1.0, 0.5, 1e30, 1e-30, float("nan"), float("inf"))


def places(message, found):
    """Collect every field of a message and of those inside: (message, field, number of values or None)."""
    for field, value in message.ListFields():
        repeated = not isinstance(value, int | float | str | bytes) and not hasattr(value, "ListFields")
        found.append((message, field, len(value) if repeated else None))
        if field.message_type is not None:
            if not repeated:
                places(value, found)
            else:
                inner = [value[key] for key in sorted(value)] if hasattr(value, "keys") else value
                for one in inner:
                    if hasattr(one, "ListFields"):
                        places(one, found)
    return found


def nonsense(value, chance):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice([*NUMBERS, value + 1, value - 1])
    if isinstance(value, float):
        return chance.choice(REALS)
    return chance.choice([value[:0], value[:-1], value + value[:1]])


def damage(spec, chance):
    message, field, count = chance.choice(places(spec, []))
    value = getattr(message, field.name)
    if field.message_type is not None and count is None:
        message.ClearField(field.name)
    elif hasattr(value, "keys"):
        del value[chance.choice(sorted(value))]
    elif count is None:
        setattr(message, field.name, nonsense(value, chance))
    elif field.message_type is not None and chance.random() < 0.5:
        value.append(value[chance.randrange(count)])
    elif field.message_type is not None:
        del value[chance.randrange(count)]
    elif count:
        place = chance.randrange(count)
        value[place] = nonsense(value[place], chance)


def arithmetic(mb, x):
    y = mb.reshape(x=mb.relu(x=x), shape=mb.const(val=np.array([5, -1], np.int32)))
    y = mb.pad(x=mb.tile(x=y, reps=[1, 2]), pad=[0, 1, 2, 0], mode="constant", constant_val=1.0)
    z = mb.fill(shape=mb.const(val=np.array([6, 1], np.int32)), value=2.0)
    y = mb.split(
        x=mb.concat(values=[mb.slice_by_size(x=y, begin=[0, 1], size=[-1, 3]), z], axis=1), num_splits=2, axis=1
    )
    return mb.add(x=mb.reduce_sum(x=y[0], axes=[0]), y=mb.softmax(x=mb.reduce_max(x=y[1], axes=[0])), name="y")


def control(mb, x):
    def body(index, written):
        row = mb.mul(x=mb.reduce_sum(x=x, axes=[0]), y=mb.cast(x=index, dtype="fp32"))
        return mb.add(x=index, y=1), mb.list_write(ls=written, index=index, value=row)

    loop = (mb.const(val=np.int32(0)), mb.make_list(init_length=4, elem_shape=(10,), dtype="fp32"))
    _, rows = mb.while_loop(_cond=lambda index, _: mb.less(x=index, y=4), _body=body, loop_vars=loop)
    y = mb.list_gather(ls=rows, indices=np.array([3, 1], np.int32))
    positive = mb.greater(x=mb.reduce_sum(x=y), y=0.0)
    return mb.cond(pred=positive, _true_fn=lambda: mb.square(x=y), _false_fn=lambda: mb.exp(x=y), name="y")


@pytest.mark.parametrize("function", [arithmetic, control])
def test_nonsense_is_an_error_or_is_computed(mlpackage, mb, monkeypatch, function):
    """A ValueError comes out, or what the message says is computed; nothing else is raised and no memory is taken."""
    from coremltools.proto import Model_pb2

    from edgewright.targets.coreml.interpreter.ops import control as loops

    monkeypatch.setattr(loops, "MAX_ITERATIONS", 100)
    package = mlpackage(lambda x: function(mb, x), (2, 10))
    whole, feeds = (package / MODEL).read_bytes(), {"x": np.ones((2, 10), np.float32)}
    Session(package).run(feeds)
    chance, refused = random.Random(7), 0
    tracemalloc.start()
    for _ in range(100):
        spec = Model_pb2.Model.FromString(whole)
        try:
            damage(spec, chance)
        except ValueError:  # a number that the field cannot hold
            continue
        (package / MODEL).write_bytes(spec.SerializeToString())
        try:
            Session(package).run(feeds)
        except ValueError:
            refused += 1
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 40
    assert largest < 20e6
