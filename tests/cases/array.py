"""The same elements in other shapes and orders, joined and cut."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, axes_of, broadcasting_shapes, inputs, shapes


@inputs
def any_tensor(draw, rng, max_rank=4):
    return [rng.normal(size=draw(shapes(0, max_rank)))], {}


@inputs
def quarters(draw, rng):
    """Numbers that float32 holds exactly."""
    return [rng.integers(-20, 20, draw(shapes())) / 4], {}


@inputs
def reshaping(draw, rng):
    shape = draw(shapes(1, 3, 1))
    target = draw(st.permutations(shape))
    unknown = draw(st.integers(-1, len(target) - 1))
    return [rng.normal(size=shape)], {"shape": [-1 if i == unknown else n for i, n in enumerate(target)]}


@inputs
def with_new_axis(draw, rng):
    shape = draw(shapes(0, 3))
    return [rng.normal(size=shape)], {"axis": draw(st.integers(-len(shape) - 1, len(shape)))}


@inputs
def with_ones(draw, rng):
    shape = draw(shapes(0, 4))
    ones = [i for i, n in enumerate(shape) if n == 1]
    some = tuple(i for i in ones if draw(st.booleans()))
    return [rng.normal(size=shape)], {"axis": draw(st.sampled_from([None, some])) if some else None}


@inputs
def permuted(draw, rng):
    shape = draw(shapes(0, 4))
    perm = draw(st.permutations(range(len(shape))))
    return [rng.normal(size=shape)], {"perm": draw(st.sampled_from([None, perm]))}


@inputs
def stretched(draw, rng):
    shape, other = draw(broadcasting_shapes())
    return [rng.normal(size=shape)], {"shape": np.broadcast_shapes(shape, other)}


@inputs
def flipped(draw, rng):
    shape = draw(shapes(1, 3))
    return [rng.normal(size=shape)], {"axis": list(np.atleast_1d(axes_of(draw, shape) or 0))}


@inputs
def pieces(draw, rng):
    """Tensors that differ in their sizes along one axis only."""
    shape = draw(shapes(1, 3))
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    return [rng.normal(size=(*shape[:axis], n, *shape[axis + 1 :])) for n in sizes], {"axis": axis}


@inputs
def alike(draw, rng):
    shape = draw(shapes(0, 3))
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    return [rng.normal(size=shape) for _ in range(draw(st.integers(1, 3)))], {"axis": axis}


@inputs
def cut(draw, rng):
    shape = draw(shapes(1, 3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    left = draw(st.integers(0, shape[axis]))
    return [rng.normal(size=shape)], {"sizes": [left, shape[axis] - left], "axis": axis}


@inputs
def unstacked(draw, rng):
    shape = draw(shapes(1, 3, 1))
    return [rng.normal(size=shape)], {"axis": draw(st.integers(-len(shape), len(shape) - 1))}


@inputs
def repeated(draw, rng):
    shape = draw(shapes(0, 3))
    return [rng.normal(size=shape)], {"multiples": [draw(st.integers(0, 3)) for _ in shape]}


@inputs
def padded(draw, rng, most=3):
    shape = draw(shapes(0, 3))
    return [rng.normal(size=shape)], {"paddings": [[draw(st.integers(0, most)) for _ in range(2)] for _ in shape]}


@inputs
def mirrored(draw, rng):
    shape, mode = draw(shapes(0, 3, 1)), draw(st.sampled_from(["REFLECT", "SYMMETRIC"]))
    most = [n - 1 if mode == "REFLECT" else n for n in shape]
    paddings = [[draw(st.integers(0, n)), draw(st.integers(0, n))] for n in most]
    return [rng.normal(size=shape)], {"paddings": paddings, "mode": mode}


def refused(call, message, exception=InvalidArgumentError):
    return call, exception, message


CASES = [
    Case(
        "Reshape",
        lambda tf, x, shape: tf.reshape(x, shape),
        np.reshape,
        reshaping(),
        errors=(
            refused(
                lambda tf: tf.reshape(tf.zeros(6), (4, 2)),
                "Reshape: a tensor of shape (6,) has 6 elements, shape (4, 2) needs 8; "
                "-1 in place of one size is worked out",
            ),
            refused(
                lambda tf: tf.reshape(tf.zeros(6), (4, -1)),
                "Reshape: a tensor of shape (6,) has 6 elements, which the known sizes of (4, -1), 4 together, "
                "do not divide",
            ),
            refused(
                lambda tf: tf.reshape(tf.zeros(6), (-1, -1)),
                "Reshape: shape (-1, -1) may hold sizes >= 0 and at most one -1 (work it out)",
            ),
        ),
    ),
    Case(
        "ExpandDims",
        lambda tf, x, axis: tf.expand_dims(x, axis),
        np.expand_dims,
        with_new_axis(),
        errors=(
            refused(
                lambda tf: tf.expand_dims(tf.zeros((2, 3)), 5),
                "ExpandDims: axis 5 is out of range for a tensor of 3 axes [-3, 3)",
            ),
        ),
    ),
    Case(
        "Squeeze",
        lambda tf, x, axis: tf.squeeze(x, axis),
        np.squeeze,
        with_ones(),
        errors=(
            refused(
                lambda tf: tf.squeeze(tf.zeros((1, 3)), 1),
                "Squeeze: axis 1 of shape (1, 3) has size 3, only axes of size 1 can be removed",
            ),
        ),
    ),
    Case("Identity", lambda tf, x: tf.identity(x), lambda x: x, any_tensor()),
    Case("StopGradient", lambda tf, x: tf.stop_gradient(x), lambda x: x, any_tensor(), gradient=False),
    Case(
        "Cast",
        lambda tf, x: tf.cast(tf.cast(x, tf.float32), tf.float64),  # exact, and so is its gradient
        lambda x: x,
        quarters(),
        errors=(
            refused(
                lambda tf: tf.cast(tf.zeros(2), "float31"),
                "cannot interpret 'float31' as a dtype; there are: float16, float32, float64, int8, int16, int32, "
                "int64, uint8, uint16, uint32, uint64, bool, string",
                TypeError,
            ),
        ),
    ),
    Case(
        "Cast",
        lambda tf, x: tf.cast(x, tf.int32),
        lambda x: x.astype(np.int32),
        any_tensor(),
        gradient=False,
        label="to_integers",
    ),
    Case(
        "Transpose",
        lambda tf, x, perm: tf.transpose(x, perm),
        lambda x, perm: np.transpose(x, perm),
        permuted(),
        errors=(
            refused(
                lambda tf: tf.transpose(tf.zeros((2, 3)), [0, 0]),
                "Transpose: perm (0, 0) must hold each axis of a tensor of shape (2, 3) once: 0 to 1",
            ),
        ),
    ),
    Case(
        "BroadcastTo",
        lambda tf, x, shape: tf.broadcast_to(x, shape),
        np.broadcast_to,
        stretched(),
        errors=(
            refused(
                lambda tf: tf.broadcast_to(tf.zeros((2, 3)), (4,)),
                "BroadcastTo: shape (2, 3) cannot be stretched to (4,): "
                "from the last axis on, each size must be equal or 1",
            ),
        ),
    ),
    Case(
        "ReverseV2",
        lambda tf, x, axis: tf.reverse(x, axis),
        np.flip,
        flipped(),
        errors=(
            refused(
                lambda tf: tf.reverse(tf.zeros((2, 3)), [2]),
                "ReverseV2: axis 2 is out of range for a tensor of 2 axes [-2, 2)",
            ),
        ),
    ),
    Case(
        "ConcatV2",
        lambda tf, *xs, axis: tf.concat(xs, axis),
        lambda *xs, axis: np.concatenate(xs, axis),
        pieces(),
        errors=(
            refused(
                lambda tf: tf.concat([tf.zeros((2, 3)), tf.zeros((2, 4))], 0),
                "ConcatV2: joined along axis 0, shapes must agree in all others, but axis 1 has 3 in values[0] (2, 3) "
                "and 4 in values[1] (2, 4)",
            ),
            refused(
                lambda tf: tf.concat([tf.zeros((2, 3)), tf.zeros(2)], 0),
                "ConcatV2: all tensors need the same number of axes, but values[0] has shape (2, 3) and values[1] has "
                "(2,); tf.expand_dims adds an axis",
            ),
            refused(
                lambda tf: tf.concat([], 0), "concat: at least one tensor is needed, got an empty list", ValueError
            ),
        ),
    ),
    Case(
        "Pack",
        lambda tf, *xs, axis: tf.stack(xs, axis),
        lambda *xs, axis: np.stack(xs, axis),
        alike(),
        errors=(
            refused(
                lambda tf: tf.stack([tf.zeros((2, 3)), tf.zeros((2, 4))]),
                "Pack: all tensors must have one shape, but values[0] has (2, 3) and values[1] has (2, 4); "
                "tf.concat joins tensors that differ along one axis",
            ),
        ),
    ),
    Case(
        "SplitV",
        lambda tf, x, sizes, axis: tf.split(x, sizes, axis),
        lambda x, sizes, axis: np.split(x, sizes[:1], axis),
        cut(),
        errors=(
            refused(
                lambda tf: tf.split(tf.zeros((5, 3)), [2, 2]),
                "SplitV: sizes (2, 2) must be >= 0 and add up to 5, the size of axis 0 of shape (5, 3); "
                "one of them may be -1",
            ),
            refused(
                lambda tf: tf.split(tf.zeros((5, 3)), 2),
                "Split: axis 0 of shape (5, 3) has size 5, which cannot be cut into 2 equal pieces; "
                "give a list of sizes instead",
            ),
        ),
    ),
    Case(
        "SplitV",
        lambda tf, x: tf.split(x, 2, 1)[0],  # nothing depends on the second piece
        lambda x: x[:, :2],
        st.just(([np.arange(8.0).reshape(2, 4)], {})),
        label="unused_piece",
    ),
    Case(
        "Unpack",
        lambda tf, x, axis: tf.unstack(x, axis=axis),
        lambda x, axis: list(np.moveaxis(x, axis, 0)),
        unstacked(),
        errors=(
            refused(
                lambda tf: tf.unstack(tf.zeros((2, 3)), num=3),
                "unstack: num is 3 but axis 0 of shape (2, 3) has size 2",
                ValueError,
            ),
        ),
    ),
    Case(
        "Tile",
        lambda tf, x, multiples: tf.tile(x, multiples),
        lambda x, multiples: np.tile(x, multiples),
        repeated(),
        errors=(
            refused(
                lambda tf: tf.tile(tf.zeros((2, 3)), [2]),
                "Tile: multiples (2,) must hold one number >= 0 for each axis of shape (2, 3)",
            ),
        ),
    ),
    Case(
        "PadV2",
        lambda tf, x, paddings: tf.pad(x, paddings, constant_values=5),
        lambda x, paddings: np.pad(x, paddings or 0, constant_values=5),
        padded(),
        errors=(
            refused(
                lambda tf: tf.pad(tf.zeros((2, 3)), [[1, 1]]),
                "PadV2: paddings ((1, 1),) must hold one pair (before, after) of numbers >= 0 for each axis of shape "
                "(2, 3)",
            ),
            refused(
                lambda tf: tf.pad(tf.zeros(2), [[1, 1]], "EDGE"),
                "pad: mode must be CONSTANT, REFLECT or SYMMETRIC, got 'EDGE'",
                ValueError,
            ),
        ),
    ),
    Case(
        "MirrorPad",
        lambda tf, x, paddings, mode: tf.pad(x, paddings, mode),
        lambda x, paddings, mode: np.pad(x, paddings or 0, mode=mode.lower()),
        mirrored(),
        covers=("MirrorPadGrad",),
        errors=(
            refused(
                lambda tf: tf.pad(tf.zeros((2, 3)), [[2, 1], [0, 0]], "REFLECT"),
                "MirrorPad: paddings (2, 1) of axis 0, which has size 2, must not exceed 1 in mode 'REFLECT'",
            ),
        ),
    ),
]
