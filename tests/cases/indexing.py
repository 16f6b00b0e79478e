"""Elements chosen by position, and tensors made of nothing but a rule."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, inputs, shapes


@inputs
def any_tensor(draw, rng):
    return [rng.normal(size=draw(shapes()))], {}


@inputs
def sliced(draw, rng):
    """Integers, slices with steps of both signs, new axes and an ellipsis."""
    shape = draw(shapes(0, 4))
    index = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        if draw(st.booleans()) and draw(st.booleans()):
            index.append(None)
        if n and draw(st.booleans()):
            index.append(draw(st.integers(-n, n - 1)))
        else:
            ends = st.one_of(st.none(), st.integers(-n - 1, n + 1))
            index.append(slice(draw(ends), draw(ends), draw(st.sampled_from([None, 1, 2, -1, -2]))))
    return [rng.normal(size=shape)], {"index": (*index, ...) if draw(st.booleans()) else tuple(index)}


@inputs
def boxed(draw, rng):
    shape = draw(shapes(0, 3))
    begin = [draw(st.integers(0, n)) for n in shape]
    return [rng.normal(size=shape)], {
        "begin": begin,
        "size": [draw(st.integers(-1, n - b)) for n, b in zip(shape, begin, strict=True)],
    }


def box(x, begin, size):
    return x[tuple(slice(b, None if n == -1 else b + n) for b, n in zip(begin, size, strict=True))]


@inputs
def gathered(draw, rng):
    shape = draw(shapes(1, 3, 1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    indices = rng.integers(0, shape[axis], draw(shapes(0, 2)), dtype=np.int32)
    return [rng.normal(size=shape), indices], {"axis": axis}


@inputs
def classes(draw, rng):
    shape = draw(shapes(0, 2))
    options = {"depth": draw(st.integers(0, 4)), "axis": draw(st.integers(-1, len(shape)))}
    return [rng.integers(-1, 5, shape, dtype=np.int32)], options


def one_hot(indices, depth, axis):
    return np.moveaxis(indices[..., None] == np.arange(depth), -1, axis).astype(float)


@inputs
def masked(draw, rng):
    return [rng.normal(size=(3, 4, 2)), rng.random(draw(st.sampled_from([(3,), (3, 4), (3, 4, 2)]))) < 0.5], {}


@inputs
def nothing(draw, rng, **ranges):
    return [], {name: draw(st.integers(*ends)) for name, ends in ranges.items()}


def refused(call, message, exception=InvalidArgumentError):
    return call, exception, message


CASES = [
    Case(
        "StridedSlice",
        lambda tf, x, index: x[index],
        lambda x, index: x[index],
        sliced(),
        covers=("StridedSliceGrad",),
        errors=(
            refused(
                lambda tf: tf.zeros((2, 3))[2],
                "StridedSlice: index 2 is out of bounds for axis 0 with size 2 (shape (2, 3))",
            ),
            refused(
                lambda tf: tf.zeros(3)[::0],
                "StridedSlice: the step of a slice must not be 0 (index ((None, None, 0),))",
            ),
        ),
    ),
    Case(
        "StridedSlice",
        lambda tf, x, begin, size: tf.slice(x, begin, size),
        box,
        boxed(),
        label="box",
        errors=(
            refused(
                lambda tf: tf.slice(tf.zeros((2, 3)), [0, 1], [2, 3]),
                "Slice: begin 1 and size 3 leave axis 1 of shape (2, 3), which has size 3",
            ),
            refused(
                lambda tf: tf.slice(tf.zeros((2, 3)), [0], [2]),
                "Slice: begin (0,) and size (2,) need one number for each axis of shape (2, 3)",
            ),
        ),
    ),
    Case(
        "GatherV2",
        lambda tf, x, indices, axis: tf.gather(x, indices, axis=axis),
        lambda x, indices, axis: np.take(x, indices, axis),
        gathered(),
        covers=("GatherV2Grad",),
        errors=(
            refused(
                lambda tf: tf.gather(tf.zeros((3, 2)), [[0, 3]]),
                "GatherV2: indices[0, 1] = 3 is not in [0, 3), the range of axis 0 of params of shape (3, 2)",
            ),
            refused(
                lambda tf: tf.gather(tf.zeros((3, 2)), 3),
                "GatherV2: indices = 3 is not in [0, 3), the range of axis 0 of params of shape (3, 2)",
            ),
            refused(
                lambda tf: tf.gather(tf.zeros(3), [1.0]),
                "GatherV2: expected integers, got float32 of shape (1,); convert them first: tf.cast(x, tf.int32)",
            ),
        ),
    ),
    Case(
        "GatherV2",
        lambda tf, x, mask: tf.boolean_mask(x, mask),
        lambda x, mask: x[mask],
        masked(),
        label="boolean_mask",
        errors=(
            refused(
                lambda tf: tf.boolean_mask(tf.zeros((2, 3)), [True, False, True]),
                "boolean_mask: mask has shape (3,), but tensor (2, 3) has (2,) from axis 0 on",
                ValueError,
            ),
        ),
    ),
    Case(
        "OneHot",
        lambda tf, indices, depth, axis: tf.one_hot(indices, depth, axis=axis),
        one_hot,
        classes(),
        gradient=False,
        errors=(
            refused(
                lambda tf: tf.one_hot([1.0], 3),
                "OneHot: expected integers, got float32 of shape (1,); convert them first: tf.cast(x, tf.int32)",
            ),
        ),
    ),
    Case("ZerosLike", lambda tf, x: tf.zeros_like(x), np.zeros_like, any_tensor()),
    Case("OnesLike", lambda tf, x: tf.ones_like(x), np.ones_like, any_tensor()),
    Case(
        "Fill",
        lambda tf, rows, columns: (tf.zeros((rows, columns)), tf.ones([rows], tf.int32), tf.fill((columns,), 2.5)),
        lambda rows, columns: (np.zeros((rows, columns)), np.ones(rows, int), np.full(columns, 2.5)),
        nothing(rows=(0, 3), columns=(0, 3)),
        gradient=False,
        errors=(
            refused(lambda tf: tf.zeros((2, -1)), "Fill: sizes must be >= 0, got shape (2, -1)"),
            refused(
                lambda tf: tf.fill((2,), [1, 2]),
                "Fill: value must be a scalar, got shape (2,); tf.broadcast_to stretches",
            ),
        ),
    ),
    Case(
        "Range",
        lambda tf, start, count, step: (tf.range(start, start + count * step, step), tf.range(count)),
        lambda start, count, step: (np.arange(start, start + count * step, step), np.arange(count)),
        nothing(start=(-5, 5), count=(0, 5), step=(1, 3)),
        gradient=False,
        errors=(
            refused(lambda tf: tf.range(0, 3, 0), "Range: delta must not be 0 (start 0, limit 3)"),
            refused(lambda tf: tf.range(3, 0), "Range: limit 0 cannot be reached from start 3 in steps of 1"),
        ),
    ),
    Case(
        "LinSpace",
        lambda tf, start, stop, num: tf.linspace(float(start), float(stop), num),
        np.linspace,
        nothing(start=(-5, 5), stop=(-5, 5), num=(1, 6)),
        gradient=False,
        errors=(refused(lambda tf: tf.linspace(0.0, 1.0, -1), "LinSpace: num must be >= 0, got -1"),),
    ),
    Case(
        "Eye",
        lambda tf, rows, columns: (tf.eye(rows, columns), tf.eye(rows, batch_shape=[2])),
        lambda rows, columns: (np.eye(rows, columns), np.broadcast_to(np.eye(rows), (2, rows, rows))),
        nothing(rows=(0, 3), columns=(0, 3)),
        gradient=False,
        errors=(refused(lambda tf: tf.eye(2, -1), "Eye: sizes must be >= 0, got 2 rows and -1 columns"),),
    ),
]
