"""``tf.data.Dataset``: pipelines of elements, each step a method."""

import builtins
import operator

import numpy as np

from microdl.compile.branch import tracing
from microdl.compile.elements import folded
from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.errors import InvalidArgumentError
from microdl.core.random_state import random_state
from microdl.core.tensor import Tensor, apply, convert
from microdl.data import batching, buffering, mapping, selecting
from microdl.data.calls import Call, hidden, shown
from microdl.data.generator import Generator
from microdl.data.iterators import NumpyIterator, refuse_tracing
from microdl.data.mixing import choice_of
from microdl.data.node import INFINITE, UNKNOWN, EndOfData
from microdl.data.options import Options, WithOptions
from microdl.data.rows import Constant, Range, Slices
from microdl.data.shuffling import Random, Seeds, Shuffle
from microdl.data.sources import Traced
from microdl.data.structure import array_spec, flatten, mapped, packed, specs_of_types
from microdl.data.traced import Later, is_symbolic, symbols
from microdl.ops.files import matching_files

AUTOTUNE = -1  # "as you think best", for buffer sizes and numbers of calls
CYCLE_LENGTH = 4  # data sets that ``interleave`` reads in turn where none is given, on every machine


class Dataset(Traced):
    """A sequence of elements, each a Tensor or a tuple or dict of Tensors, computed as they are asked for.

    A Dataset describes a pipeline; every ``for`` loop over it is a new pass. Functions given to ``map`` and the like
    are called as plain Python for each element that they see, so a function after ``batch`` sees whole batches and
    costs a batch-th as much. Elements that are rows of arrays are only gathered when they are batched: over arrays,
    ``from_tensor_slices(...).shuffle(n).batch(b)`` costs what a loop over ``np.random.permutation`` would.

    The order is always the same for the same seeds, whatever is asked to run in parallel. An iterator can be saved and
    restored in the middle of a pass: see ``Iterator``.

    >>> numbers = Dataset.range(7).filter(lambda n: n % 2 == 0).map(lambda n: n * n).batch(3)
    >>> [batch.tolist() for batch in numbers.as_numpy_iterator()]
    [[0, 4, 16], [36]]
    """

    # Sources

    @staticmethod
    def from_tensors(tensors, name=None):
        """One element: ``tensors``."""
        if is_symbolic(tensors):
            return Dataset(Later(Dataset.from_tensors, tensors))
        return Dataset(Constant(hidden(tensors)))

    @staticmethod
    def from_tensor_slices(tensors, name=None):
        """The rows of an array, or of a structure of arrays with first axes of one size. The arrays are copied.

        Raises: ValueError if sizes differ or an array has no first axis.
        """
        if is_symbolic(tensors):
            return Dataset(Later(Dataset.from_tensor_slices, tensors, rows=True))
        arrays = hidden(tensors)
        leaves = flatten(arrays)
        if not leaves:
            raise ValueError("Invalid `tensors`. `tensors` should not be empty.")
        for array in leaves:
            if not isinstance(array, np.ndarray):
                raise TypeError(f"from_tensor_slices: arrays are expected, got a data set, {array.path()}")
            if not array.ndim:
                raise InvalidArgumentError(
                    "Unbatching a tensor is only supported for rank >= 1; a single value makes a data set of one "
                    "element in from_tensors"
                )
            if len(array) != len(leaves[0]):
                raise ValueError(
                    f"Dimensions {len(leaves[0])} and {len(array)} are not compatible: from_tensor_slices needs first "
                    f"axes of one size, got shapes {', '.join(str(leaf.shape) for leaf in leaves)}"
                )
        return Dataset(Slices(arrays))

    @staticmethod
    def from_generator(generator, output_types=None, output_shapes=None, args=None, output_signature=None, name=None):
        """What a Python generator yields.

        Args:
            generator: function that returns an iterable; it is called for each pass, with ``args``.
            output_signature: TensorSpecs of the elements. output_types, output_shapes: the same in TensorFlow's older
                form, dtypes and shapes (None: any) in the elements' structure.

        Raises: TypeError for wrong arguments; while iterating InvalidArgumentError for elements that do not fit.
        """
        if not callable(generator):
            raise TypeError("`generator` must be a Python callable.")
        if output_signature is None:
            if output_types is None:
                raise TypeError("Either `output_signature` or `output_types` must be specified.")
            output_signature = specs_of_types(output_types, output_shapes)
        elif output_types is not None or output_shapes is not None:
            raise TypeError("from_generator: give output_signature, or output_types and output_shapes, not both")
        if isinstance(output_signature, list):
            output_signature = tuple(output_signature)
        arguments = [convert(argument).numpy() for argument in args or ()]
        return Dataset(Generator(lambda: generator(*arguments), output_signature))

    @staticmethod
    def range(*args, output_type=dtypes.int64, name=None):
        """Numbers: ``range(stop)``, ``range(start, stop)`` or ``range(start, stop, step)``; int64 by default."""
        if not 1 <= len(args) <= 3:
            raise ValueError(f"Invalid `args`. The length of `args` should be between 1 and 3, got {args}.")
        numbers = [int(n) for n in args]
        if len(numbers) == 1:
            numbers = [0, *numbers]
        start, stop, step = numbers if len(numbers) == 3 else [*numbers, 1]
        if not step:
            raise InvalidArgumentError("step must be a non-zero integer.")
        return Dataset(Range(start, stop, step, dtypes.as_dtype(output_type)))

    @staticmethod
    def counter(start=0, step=1, dtype=dtypes.int64, name=None):
        """start, start + step, ... without end."""
        return Dataset(Range(start, 2**63 - 1 if step > 0 else -(2**63), step, dtypes.as_dtype(dtype)))

    @staticmethod
    def random(seed=None, rerandomize_each_iteration=None, name=None):
        """Pseudorandom int64s in [0, 2^32) without end, TensorFlow's for the same seeds."""
        return Dataset(Random(Seeds(random_state.op_seeds(seed), bool(rerandomize_each_iteration))))

    @staticmethod
    def list_files(file_pattern, shuffle=None, seed=None, name=None):
        """The paths (strings) that match a pattern, or one of several; in random order unless ``shuffle`` is False.

        Raises: InvalidArgumentError if there are none.
        """
        paths = matching_files(file_pattern)
        if not paths.shape[0]:
            raise InvalidArgumentError(f"No files matched pattern: {file_pattern}")
        dataset = Dataset.from_tensor_slices(paths)
        return dataset if shuffle is not None and not shuffle else dataset.shuffle(len(dataset), seed)

    @staticmethod
    def zip(*args, datasets=None, name=None):
        """Elements of several data sets side by side, in the structure in which the data sets are given.

        ``zip(a, b)`` and ``zip((a, b))`` are the same; it ends with the shortest.
        """
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else tuple(args)
        nodes = _nodes("zip", flatten(structure))
        return Dataset(selecting.Zip(packed(structure, nodes), nodes))

    @staticmethod
    def sample_from_datasets(
        datasets, weights=None, seed=None, stop_on_empty_dataset=False, rerandomize_each_iteration=None
    ):
        """Elements of data sets that are chosen at random each time.

        Args:
            weights: how often each is chosen, dimensionless, by default alike. seed: of the choice.
            stop_on_empty_dataset: end with the first data set that ends; otherwise go on with the others.
        """
        nodes = _nodes("sample_from_datasets", datasets)
        seeds = Seeds(random_state.op_seeds(seed), bool(rerandomize_each_iteration))
        return Dataset(mapping.Choose(choice_of(seeds, weights, len(nodes)), nodes, stop_on_empty_dataset))

    @staticmethod
    def choose_from_datasets(datasets, choice_dataset, stop_on_empty_dataset=True):
        """Elements of ``datasets``, taken from the one whose number ``choice_dataset`` (int64s) gives each time."""
        choice, *nodes = _nodes("choose_from_datasets", [choice_dataset, *datasets])
        return Dataset(mapping.Choose(choice, nodes, stop_on_empty_dataset))

    # Steps that choose and order elements

    def take(self, count, name=None):
        """The first ``count`` elements; all of them for -1."""
        return Dataset(selecting.Take(self.node, int(count)))

    def skip(self, count, name=None):
        """All but the first ``count`` elements; none for -1."""
        return Dataset(selecting.Skip(self.node, int(count)))

    def shard(self, num_shards, index, name=None):
        """Elements ``index``, ``index + num_shards``, ... Raises InvalidArgumentError if index >= num_shards."""
        num_shards, index = int(num_shards), int(index)
        if num_shards < 1:
            raise InvalidArgumentError(
                f"Number of shards must be greater than zero (currently num_shards = {num_shards})."
            )
        if not 0 <= index < num_shards:
            raise InvalidArgumentError(
                f"Index must be between 0 and {num_shards - 1} (currently index = {index}, num_shards = {num_shards})."
            )
        return Dataset(selecting.Shard(self.node, num_shards, index))

    def repeat(self, count=None, name=None):
        """Pass after pass, ``count`` of them, or without end for None and -1."""
        return Dataset(selecting.Repeat(self.node, None if count is None else int(count)))

    def concatenate(self, dataset, name=None):
        """These elements, then those of ``dataset``, which must be of the same structure and dtypes."""
        (other,) = _nodes("concatenate", [dataset])
        return Dataset(selecting.Concatenate(self.node, other))

    def enumerate(self, start=0, name=None):
        """Pairs of a number (int64, from ``start``) and an element."""
        numbers = Range(int(start), 2**63 - 1, 1)
        return Dataset(selecting.Zip((None, None), (numbers, self.node)))

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True, name=None):
        """Elements in random order: each is drawn from a buffer of ``buffer_size`` that the next ones fill up again.

        A perfect shuffle needs a buffer as large as the data set. ``tf.random.set_seed`` and ``seed`` decide the order
        together, as for other random ops, and it is TensorFlow's own: the same seeds give the same order there.

        Args:
            seed: int or None. reshuffle_each_iteration: bool, a new order for each pass (also of ``repeat``).
        """
        buffer_size = int(buffer_size)
        if buffer_size == UNKNOWN:  # as TensorFlow: a full shuffle
            buffer_size = 2**62 if self.node.cardinality() < 0 else max(1, self.node.cardinality())
        if buffer_size < 1:
            raise InvalidArgumentError(
                f"`buffer_size` must be greater than zero, or UNKNOWN_CARDINALITY for all of them, got {buffer_size}"
            )
        anew = True if reshuffle_each_iteration is None else bool(reshuffle_each_iteration)
        return Dataset(Shuffle(self.node, buffer_size, Seeds(random_state.op_seeds(seed), anew)))

    # Steps with functions

    def map(
        self,
        map_func,
        num_parallel_calls=None,
        deterministic=None,
        synchronous=None,
        use_unbounded_threadpool=False,
        name=None,
    ):
        """``map_func`` of each element (of its parts, where elements are tuples).

        It is called with Tensors, as plain Python, for one element after the other; the arguments about parallel calls
        are accepted, and change nothing.
        """
        return Dataset(mapping.Map(self.node, Call(map_func, Dataset, "map")))

    def filter(self, predicate, name=None):
        """The elements for which ``predicate`` gives true."""
        return Dataset(mapping.Filter(self.node, Call(predicate, Dataset, "filter")))

    def take_while(self, predicate, name=None):
        """The elements before the first for which ``predicate`` gives false."""
        return Dataset(mapping.TakeWhile(self.node, Call(predicate, Dataset, "take_while")))

    def scan(self, initial_state, scan_func, name=None):
        """``scan_func(state, element)`` gives the next state and the new element."""
        initial = hidden(initial_state)
        call = Call(scan_func, Dataset, "scan", unpacks=False)
        return Dataset(mapping.Scan(self.node, initial, mapped(array_spec, initial), call))

    def reduce(self, initial_state, reduce_func, name=None):
        """The state after ``state = reduce_func(state, element)`` for each element."""
        if tracing():
            return folded(self, initial_state, reduce_func)
        state = hidden(initial_state)
        call = Call(reduce_func, Dataset, "reduce", unpacks=False)
        for element in self._elements():
            following = call(state, element)
            for old, new in builtins.zip(flatten(state), flatten(following), strict=True):
                if old.dtype != new.dtype:
                    raise TypeError(
                        f"The element types for the new state must match the initial state. Expected {old.dtype}; got "
                        f"{new.dtype}."
                    )
            state = following
        return shown(state, Dataset)

    def flat_map(self, map_func, name=None):
        """The elements of the data sets that ``map_func`` makes of elements, one data set after the other."""
        return Dataset(mapping.FlatMap(self.node, Call(map_func, Dataset, "flat_map")))

    def interleave(
        self, map_func, cycle_length=None, block_length=None, num_parallel_calls=None, deterministic=None, name=None
    ):
        """As ``flat_map``, with ``cycle_length`` data sets open at a time, of each ``block_length`` elements in turn.

        Without a cycle_length (or with AUTOTUNE) it is 4 on every machine; TensorFlow takes the number of cores.
        """
        cycle = CYCLE_LENGTH if cycle_length in (None, AUTOTUNE) else int(cycle_length)
        block = 1 if block_length is None else int(block_length)
        if cycle < 1 or block < 1:
            raise InvalidArgumentError(
                f"interleave: `cycle_length` and `block_length` must be greater than zero, got {cycle} and {block}"
            )
        return Dataset(mapping.Interleave(self.node, Call(map_func, Dataset, "interleave"), cycle, block))

    def apply(self, transformation_func):
        """``transformation_func`` of this Dataset, which must give a Dataset."""
        result = transformation_func(self)
        _nodes("apply: `transformation_func`", [result])
        return result

    # Steps that put elements together

    def batch(self, batch_size, drop_remainder=False, num_parallel_calls=None, deterministic=None, name=None):
        """``batch_size`` elements as one, stacked along a new first axis.

        The last batch has what is left, or is left out if ``drop_remainder``.
        """
        return Dataset(batching.Batch(self.node, _batch_size(batch_size), bool(drop_remainder)))

    def padded_batch(self, batch_size, padded_shapes=None, padding_values=None, drop_remainder=False, name=None):
        """As ``batch`` for elements of different sizes, each filled up at the ends of its axes.

        Args:
            padded_shapes: the size of each axis, None for the largest of the batch; in the elements' structure. By
                default None throughout. padding_values: what to fill up with, by default 0 and "".
        """
        spec = self.node.spec
        shapes = None if padded_shapes is None else _leaves_like(spec, padded_shapes, _as_sizes)
        values = None if padding_values is None else _leaves_like(spec, padding_values, _as_value)
        size = _batch_size(batch_size)
        return Dataset(batching.PaddedBatch(self.node, size, bool(drop_remainder), shapes, values))

    def unbatch(self, name=None):
        """The rows of each element as elements."""
        return Dataset(batching.Unbatch(self.node))

    def rebatch(self, batch_size, drop_remainder=False, name=None):
        """The rows of each element in batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def window(self, size, shift=None, stride=1, drop_remainder=False, name=None):
        """Data sets of ``size`` elements each, ``stride`` apart; one begins ``shift`` elements after the other.

        By default they follow each other: shift is ``size``. Elements of several parts become as many data sets. For
        tensors, ``flat_map(lambda w: w.batch(size))`` follows.
        """
        size, stride, shift = int(size), int(stride), int(size if shift is None else shift)
        for name_, value in (("size", size), ("shift", shift), ("stride", stride)):
            if value < 1:
                raise InvalidArgumentError(f"Window {name_} must be greater than zero, got {value}.")
        return Dataset(batching.Window(self.node, size, shift, stride, bool(drop_remainder)))

    def group_by_window(self, key_func, reduce_func, window_size=None, window_size_func=None, name=None):
        """``reduce_func(key, window)`` of windows of ``window_size`` elements with the same key, an int64.

        Args: key_func: of an element. reduce_func: makes a data set of a key and a data set of elements. window_size:
            int, or window_size_func: of a key, exactly one of them.
        """
        if (window_size is None) == (window_size_func is None):
            raise ValueError("Must pass either `window_size` or `window_size_func`, but not both.")
        size = window_size_func or (lambda key: convert(window_size))
        return Dataset(
            batching.GroupByWindow(
                self.node,
                Call(key_func, Dataset, "group_by_window: key_func"),
                Call(reduce_func, Dataset, "group_by_window: reduce_func"),
                Call(size, Dataset, "group_by_window: window_size_func"),
            )
        )

    # Steps that keep elements

    def cache(self, filename="", name=None):
        """Keeps the elements of the first whole pass in memory, for all later ones.

        Raises: ValueError for a ``filename``: caches in files are left out.
        """
        if filename:
            raise ValueError(
                f"cache: elements are kept in memory only, not in a file (got {filename!r}); to keep them, write "
                "arrays with numpy.savez and read them with from_tensor_slices"
            )
        return Dataset(buffering.Cache(self.node))

    def prefetch(self, buffer_size, name=None):
        """Computes up to ``buffer_size`` elements in a thread before they are asked for.

        AUTOTUNE and 0 start no thread: on a small machine a thread of Python takes turns with kernels that use all
        cores, and costs more than it saves (measured on two cores: kernels take 1.1 to 3 times as long). A number asks
        for the thread all the same; it pays where elements wait for files or for a generator, not for the processor.
        Errors are raised where the element is asked for; the thread ends with the pass, or when its iterator is
        dropped.
        """
        buffer_size = int(buffer_size)
        if buffer_size < AUTOTUNE:
            raise InvalidArgumentError(f"prefetch: buffer_size must be >= 0 or AUTOTUNE, got {buffer_size}")
        return Dataset(buffering.Prefetch(self.node, max(0, buffer_size)))

    # What a data set is

    def with_options(self, options, name=None):
        """The same elements. Options are accepted for TensorFlow's sake: no setting changes what comes out here."""
        return Dataset(WithOptions(self.node, self.options().merge(options)))

    def options(self):
        """The Options given so far."""
        return self.node.options if isinstance(self.node, WithOptions) else Options()

    @property
    def element_spec(self):
        """The elements' structure, with a TensorSpec for each Tensor."""
        return self.node.spec

    def cardinality(self):
        """The number of elements, or INFINITE_CARDINALITY (-1) or UNKNOWN_CARDINALITY (-2): an int64 Tensor."""
        if tracing() and symbols(self.node):
            return apply("DatasetCardinality", *self.parts())
        return convert(self.node.cardinality(), dtypes.int64)

    def __len__(self):
        if context.graph is not None:
            raise TypeError("`tf.data.Dataset` only supports `len` in eager mode. Use `tf.data.Dataset.cardinality()`.")
        size = self.node.cardinality()
        if size == INFINITE:
            raise TypeError("The dataset is infinite.")
        if size == UNKNOWN:
            raise TypeError("The dataset length is unknown.")
        return size

    def __bool__(self):
        return True

    def __repr__(self):
        return f"<{self.node.name} element_spec={self.element_spec!r}>"

    # Iteration

    def as_numpy_iterator(self):
        """An iterator that gives NumPy's arrays and scalars."""
        return NumpyIterator(self.node, Dataset)

    def get_single_element(self, name=None):
        """The one element. Raises InvalidArgumentError if there is none or a second one."""
        elements = self._elements()
        for element in elements:
            for _ in elements:
                raise InvalidArgumentError("Dataset had more than one element.")
            return shown(element, Dataset)
        raise InvalidArgumentError("Dataset was empty.")

    def _elements(self):
        refuse_tracing()
        cursor = self.node.iterate()
        try:
            while True:
                yield cursor.next()
        except EndOfData:
            return


def _nodes(what, datasets):
    for dataset in datasets:
        if not isinstance(dataset, Dataset):
            raise TypeError(f"{what}: a Dataset is expected, got {dataset!r} of type {type(dataset).__name__}")
    return [dataset.node for dataset in datasets]


def _batch_size(value):
    size = int(value) if isinstance(value, Tensor) else operator.index(value)
    if size < 1:
        raise InvalidArgumentError(f"Batch size must be greater than zero, got {size}.")
    return size


def _leaves_like(spec, given, leaf):
    """The leaves of ``given`` (lists count as leaves) for the leaves of ``spec``; one for a single array."""
    if isinstance(spec, tuple):
        return [part for s, g in builtins.zip(spec, given, strict=True) for part in _leaves_like(s, g, leaf)]
    if isinstance(spec, dict):
        return [part for key in sorted(spec) for part in _leaves_like(spec[key], given[key], leaf)]
    return [leaf(given)]


def _as_sizes(shape):
    return tuple(
        None if n is None or int(n) < 0 else int(n) for n in (shape if hasattr(shape, "__iter__") else [shape])
    )


def _as_value(value):
    return None if value is None else convert(value).numpy()
