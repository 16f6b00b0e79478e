"""What an op comes to for inputs of known shapes and dtypes: worked out when they first come, used whenever they do."""

import contextlib

from microdl.core.context import context
from microdl.core.errors import MixedDTypesError
from microdl.core.node import Node, keeping, uids
from microdl.core.op import Spec

REMEMBERED = 512  # kinds of inputs and attributes of one op


class Prepared:
    """An op on inputs of given Specs with given attributes; ``Op.known`` keeps those that came before.

    Attributes:
        input_specs, specs: of the inputs, and of the outputs.
        several: whether ``apply`` returns a tuple of outputs.
        kept_inputs, kept_outputs: positions of the values that the gradient reads.
        differentiable: positions of the outputs that gradients can arrive at; None: of all of them.
        launch: (*arrays) -> new arrays of the outputs, by the kernel calls that the op's ``run`` came to. None: there
            is none, or none yet.
        waiting: whether the next run is to make ``launch``.
    """

    __slots__ = (
        "differentiable",
        "input_specs",
        "kept_inputs",
        "kept_outputs",
        "launch",
        "several",
        "specs",
        "waiting",
    )

    def __init__(self, op, input_specs, inferred, attrs):
        self.input_specs = tuple(input_specs)
        self.several = type(inferred) is not Spec
        self.specs = inferred if self.several else (inferred,)
        self.kept_inputs = frozenset(range(len(self.input_specs))) if op.keeps_all_inputs else op.keep_inputs
        self.kept_outputs = op.keep_outputs
        floating = [i for i, spec in enumerate(self.specs) if spec.dtype.is_floating and op.gradient is not None]
        self.differentiable = None if floating and len(floating) == len(self.specs) else tuple(floating)
        self.launch = None
        # An attribute 0.0 is as good a key as -0.0, and what a kernel makes of it may be another number.
        signed_zero = any(type(value) is float and value == 0 for value in attrs.values())
        self.waiting = op.by_shape and not (op.stateful or op.mutates or op.view or signed_zero)


def prepare(op, input_specs, attrs, key):
    """What is known of ``op`` on such inputs, filed under ``key``: the same few shapes come again and again.

    Raises: the user's error if the op does not take them.
    """
    if op.same_dtype:
        _check_dtypes(op, input_specs)
    prepared = Prepared(op, input_specs, op.infer(*input_specs, **attrs), attrs)
    if len(op.known) >= REMEMBERED:
        op.known.clear()
    with contextlib.suppress(TypeError):  # an attribute that cannot be part of a key
        op.known[tuple(key)] = prepared
    return prepared


def _check_dtypes(op, specs):
    for i, spec in enumerate(specs):
        if spec.dtype is not specs[0].dtype:
            first, other = (op.input_name(0), specs[0].dtype.name), (op.input_name(i), spec.dtype.name)
            raise MixedDTypesError(
                f"{op.name}: {' is '.join(first)} but {' is '.join(other)} "
                f"(shapes {tuple(specs[0].shape)} and {tuple(spec.shape)}); dtypes do not mix: use tf.cast",
                *(op.name, first, other),
            )


def record(op, attrs, inputs, outputs, prepared=None):
    """Tells every tape that follows one of the inputs; they share one Node, without values that no gradient reads."""
    input_ids = uids(inputs)
    node, differentiable = None, ()
    for tape in context.tapes:
        if not tape.followed.isdisjoint(input_ids):
            if node is None:
                if prepared is None:
                    prepared = Prepared(op, [x.spec for x in inputs], tuple([y.spec for y in outputs]), attrs)
                output_ids = uids(outputs)
                kept = keeping(inputs, prepared.kept_inputs, prepared.input_specs)
                made = keeping(outputs, prepared.kept_outputs, prepared.specs)
                node = Node(op, attrs, kept, made, input_ids, output_ids)
                where = prepared.differentiable
                differentiable = output_ids if where is None else tuple([output_ids[i] for i in where])
            tape.record(node, differentiable)
        elif tape.lost:
            tape.pass_on_loss(input_ids, outputs)
