"""What an op is, and the registry in which one is found by name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from microdl.core.dtypes import DType
from microdl.core.kernels import settled
from microdl.core.shapes import size_of


class Spec(NamedTuple):
    """What is known of a tensor without its values."""

    shape: tuple
    dtype: DType

    @property
    def rank(self):
        return len(self.shape)

    @property
    def size(self):
        """Number of elements."""
        return size_of(self.shape)

    @property
    def nbytes(self):
        return self.size * self.dtype.size


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """An op's record; ``register_op`` makes it from a class whose attributes have these names.

    Attributes:
        name: TensorFlow's raw name (``Conv2D``); ours end in Grad, GradInput, GradFilter.
        inputs: names of the inputs, for messages. A last name that ends in ``*`` stands for any number.
        infer: (*specs, **attrs) -> Spec, or a tuple of them for several outputs. Raises the user's error.
        run: (kernels, *arrays, *outputs, **attrs) fills the outputs; a view returns its array instead.
        gradient: (node, *dys) -> gradient of each input, or None for an op that has none. Written in ops.
        keep_inputs, keep_outputs: positions of the values that ``gradient`` reads; a tape drops the others.
        same_dtype: all inputs must share one dtype, and Python values take it.
        view: the output shares the first input's memory.
        stateful: a second run may give something else (random numbers), or does something else than its outputs.
        mutates: positions of inputs that are Variables which ``run`` writes to.
        host: ``run`` calls the user's Python, or files: it takes arrays of the CPU on any device.
        group: how many of the last inputs come together, once or more often (an optimizer's variables); 0: none do.
        optional: position from which on outputs serve gradients alone; a plan leaves all of them out if nobody reads
            one, and ``run`` is called without them.
        by_shape: what ``run`` does besides calling kernels depends on shapes, dtypes and attributes alone.
        settle: (kernels, *arrays, *outputs, **attrs) -> a function without arguments that does what ``run`` does on
            these arrays; a plan asks for it once, when all inputs but variables and constants hold zeros, and calls it
            in each step. None: there is none.
        cost: (*specs, **attrs) -> (floating point operations, bytes moved), for profiles; None where unknown.
    """

    name: str
    inputs: tuple[str, ...]
    infer: Callable
    run: Callable | None
    gradient: Callable | None
    keep_inputs: frozenset[int] = frozenset()
    keep_outputs: frozenset[int] = frozenset()
    same_dtype: bool = True
    view: bool = False
    stateful: bool = False
    mutates: frozenset[int] = frozenset()
    host: bool = False
    group: int = 0
    optional: int | None = None
    by_shape: bool = False
    settle: Callable | None = None
    cost: Callable | None = None
    known: dict = field(default_factory=dict)  # Specs of inputs, and attributes -> Prepared

    @property
    def variadic(self):
        return bool(self.inputs) and self.inputs[-1].endswith("*")

    @property
    def keeps_all_inputs(self):
        """Whether the gradient reads every one of any number of inputs."""
        return self.variadic and len(self.inputs) - 1 in self.keep_inputs

    def input_name(self, i):
        return self.inputs[min(self._named(i), len(self.inputs) - 1)].rstrip("*")

    def _named(self, i):
        """Position of the name that input ``i`` goes by."""
        single = len(self.inputs) - self.group
        return single + (i - single) % self.group if self.group and i > single else i

    def written(self, count):
        """Positions, among ``count`` inputs, of the Variables that ``run`` writes to."""
        return {i for i in range(count) if self._named(i) in self.mutates} if self.group else self.mutates


_OPS: dict[str, Op] = {}


def _settle_run(run):
    """``settle`` of an op whose ``run`` calls kernels in a way that depends on shapes and attributes alone."""

    def settle(kernels, *arrays, **attrs):
        if any(array.dtype.hasobject for array in arrays):  # strings: Python works on them, not kernels
            return partial(run, kernels, *arrays, **attrs)
        return settled(run, kernels, *arrays, **attrs)

    return settle


def register_op(name):
    """Class decorator: files its attributes as the op ``name``; ``keeps`` names inputs, "output" or "output1"...

    ``by_shape`` says that what ``run`` does besides calling kernels depends on shapes alone: it can be settled.
    """

    def register(cls):
        if name in _OPS:
            raise ValueError(f"op {name!r} is registered twice")
        inputs, keeps = cls.inputs, getattr(cls, "keeps", ())
        unknown = [k for k in keeps if k not in inputs and not k.startswith("output")]
        if unknown:
            raise ValueError(f"op {name!r} keeps {unknown}, which are no inputs of it: {inputs}")
        _OPS[name] = Op(
            name=name,
            inputs=inputs,
            infer=cls.infer,
            run=getattr(cls, "run", None),
            gradient=getattr(cls, "gradient", None),
            keep_inputs=frozenset(inputs.index(k) for k in keeps if k in inputs),
            keep_outputs=frozenset(int(k[6:] or 0) for k in keeps if k not in inputs),
            same_dtype=getattr(cls, "same_dtype", True),
            view=getattr(cls, "view", False),
            stateful=getattr(cls, "stateful", False),
            mutates=frozenset(inputs.index(k) for k in getattr(cls, "mutates", ())),
            host=getattr(cls, "host", False),
            group=getattr(cls, "group", 0),
            by_shape=getattr(cls, "by_shape", False),
            settle=getattr(cls, "settle", None) or (_settle_run(cls.run) if getattr(cls, "by_shape", False) else None),
            cost=getattr(cls, "cost", None),
        )
        return cls

    return register


def get_op(name):
    """The op ``name``; an Op that belongs to one Node (control flow) is its own name."""
    try:
        return _OPS[name]
    except KeyError:
        if isinstance(name, Op):
            return name
        raise ValueError(f"there is no op {name!r}") from None


def all_ops():
    """Every registered op, by name."""
    return dict(sorted(_OPS.items()))
