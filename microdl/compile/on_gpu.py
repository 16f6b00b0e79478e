"""A plan that is settled on a GPU: all of its arrays in one block there, its steps one CUDA graph.

What goes in is copied to its place in the block; what comes out is lent from there (``gpu/array.Lent``). Everything
between is launches of kernels, noted down when the plan is made and replayed as they are: learning rates and the like
are variables, in the GPU's memory, and where random streams stand is sent there before the launch if it has changed. A
step for which the GPU has no kernel runs on the CPU in its place; then the plan runs step by step, and says so.
"""

import weakref
from functools import partial
from typing import Any

import numpy as np

from microdl.compile.budget import Resting, budget
from microdl.compile.program import constant_array
from microdl.compile.settled import Step
from microdl.core import device
from microdl.core.context import context
from microdl.core.errors import InvalidArgumentError
from microdl.core.placement import is_on_gpu, short_name
from microdl.core.variable import Variable
from microdl.gpu import capture
from microdl.gpu.array import DeviceArray, Lender, Lent
from microdl.gpu.scalars import Scalars
from microdl.gpu.staging import inlet
from microdl.gpu.timing import TimedSteps


class OnGPU(Resting):
    """The memory and the steps of a plan on a GPU; they serve one run at a time.

    Args: gpu: the GPU. name: of the function, for messages. The others: as ``settled.Settled`` has them.

    Attributes:
        steps: the Steps, in order. nodes: their Nodes. nbytes: of the GPU's memory. scratch: what kernels hold of it.
        replay: the ``gpu.capture.Replay``.
    """

    scratch = 0

    def __init__(self, program, layout, home, gpu, name):
        super().__init__(home)
        self.gpu, self.nbytes, self._layout = gpu, layout.nbytes, layout
        self._block = gpu.empty((layout.nbytes,), np.uint8, f"the arrays of {name}", exact=True)
        self._places = {}  # id of a Tensor -> its DeviceArray
        self._constants = []  # whose ids are in _places
        places = map(self._own, program.inputs)
        self._inputs = [place if type(place) is _Object else _Input(gpu, place) for place in places]
        self._streams = _Streams(gpu, sum(node.op.stateful for node in program.nodes))
        self.steps, self._work = [], []  # for each step a list of capture.Steps
        draws = []  # work, and the numbers of the random streams that it reads: the first one, and that after the last
        for node in program.nodes:
            first = self._streams.count
            noted = self._noted(node)
            if noted:
                self.steps.append(Step(node, partial(_run, noted), [step.name for step in noted]))
                self._work.append(noted)
                draws.append((noted, first, self._streams.count))
        self._draws_first = all(step.host is None for noted in self._work for step in noted)
        if not self._draws_first:  # steps of the host may draw too, and everybody draws in turn
            for noted, first, stop in draws:
                if first < stop:
                    noted.insert(0, capture.Step("random numbers", partial(self._streams.upload, first, stop)))
        self.nodes = [step.node for step in self.steps]
        self._outputs = [self._place(y) for y in program.outputs]
        self._fixed = {id(place) for place in self._constants}
        self._lent = []  # weak references to results that may still lie in the block
        self._name, self._timed = name, None
        self.replay = capture.Replay(gpu.stream, name, [step for noted in self._work for step in noted])
        gpu.allocator.add_keeper(self)

    @property
    def how(self):
        """How the steps are issued, as text."""
        hindrance = self.replay.hindrance
        if self.replay.graph is None and hindrance is None:
            return f"on {short_name(self.gpu)}, launch by launch so far: the second run makes a CUDA graph"
        return f"on {short_name(self.gpu)}, " + ("as one CUDA graph" if hindrance is None else f"no graph: {hindrance}")

    def run(self, arrays, written):
        """The arrays of the outputs. ``arrays``: those of the inputs. written: the Variables that steps write to."""
        self.used = next(budget.clock)
        for reference in self._lent:
            if (lent := reference()) is not None:
                lent.keep()
        for place, array in zip(self._inputs, arrays, strict=True):
            place.set(array)
        for variable in written:
            variable.before_write()
        if self._draws_first:
            self._streams.upload()
        device.current.launch(self)
        results = list(map(self._result, self._outputs))
        self._lent = [weakref.ref(result) for result in results if type(result) is Lent]
        return results

    def timed(self):
        """The steps with marks of time between them, for a profile."""
        if self._timed is None:
            self._timed = TimedSteps(self.gpu.stream, self._name, self._work)
        return self._timed

    def _result(self, place):
        if type(place) is _Object:
            return place.array.copy()  # it may be a variable's
        if place.nbytes == 0 or id(place) in self._fixed:
            return place
        if place.owner is not self._block.owner:  # a variable's buffer, or one that a step on the CPU fills
            return place.copy()
        return Lent(self.gpu, place.address, place.shape, place.dtype, Lender(self._block))

    # Where arrays lie

    def _own(self, tensor):
        """The array of a Tensor in the block."""
        life = self._layout.lives.get(id(tensor))
        shape, dtype = tensor.spec.shape, tensor.spec.dtype.as_numpy_dtype
        if dtype is np.object_:
            place = _Object(np.empty(shape, object))
        elif life is None:
            place = self.gpu.empty(shape, dtype, "an array of a plan")
        else:
            place = DeviceArray(self.gpu, self._block.address + life.offset, shape, dtype, self._block.owner)
        self._places[id(tensor)] = place
        return place

    def _place(self, tensor):
        if isinstance(tensor, Variable):
            return self._buffer(tensor)
        place = self._places.get(id(tensor))
        if place is None:
            array = constant_array(tensor)
            if type(array) is Lent:
                array.keep()
            self._places[id(tensor)] = place = self._constant(array)
            self._constants.append(place)
        return place

    def _constant(self, array):
        if array.dtype.hasobject:
            return _Object(array)
        return array if is_on_gpu(array) else self.gpu.array(array)

    def _buffer(self, variable):
        """A variable's buffer on this GPU; one on the CPU moves here, and plans there that know it are made anew.

        Strings stay on the CPU.
        """
        if variable.dtype.is_string:
            return _Object(variable.bound_array(self))
        if not is_on_gpu(variable.known_array()) and not variable.move(self.gpu):
            raise InvalidArgumentError(
                f"a function runs on {short_name(self.gpu)}, but the variable {variable.name} stays on the CPU, where "
                "a function that uses it is running: make it, or call that function, under the same tf.device"
            )
        return variable.known_array()

    # Steps

    def _noted(self, node):
        """The work of a Node, as Steps of a capture; its outputs have their places then."""
        op, inputs = node.op, [self._place(x) for x in node.inputs]
        if op.name == "Inspect":  # a look at values, on which nothing depends: it would have to wait for the GPU
            return []
        if "parts" in node.attrs:
            return [self._with_parts(node, inputs, [self._own(y) for y in node.outputs])]
        if op.view and type(inputs[0]) is not _Object:
            try:
                self._places[id(node.outputs[0])] = op.run(self.gpu.kernels, *inputs, **node.attrs)
            except NotImplementedError as missing:
                return [self._on_cpu(node, inputs, [self._apart(node.outputs[0])], missing)]
            return []
        outputs = [self._own(y) for y in node.outputs]
        if op.host or any(type(place) is _Object for place in (*inputs, *outputs)):
            return [self._on_cpu(node, inputs, outputs, "it calls Python, or handles objects")]
        around, before = context.streams, self._streams.count
        try:
            context.streams = self._streams
            with self.gpu.noting() as noted:
                op.run(self.gpu.kernels, *inputs, *outputs, **node.attrs)
        except NotImplementedError as missing:
            self._streams.drop(before)
            return [self._on_cpu(node, inputs, outputs, missing)]
        finally:
            context.streams = around
        return noted

    def _apart(self, tensor):
        place = self._places[id(tensor)] = self.gpu.empty(tensor.spec.shape, tensor.spec.dtype.as_numpy_dtype)
        return place

    def _with_parts(self, node, inputs, outputs):
        """A branch or loop: the host decides, its parts have plans on this GPU."""
        gpu, run = self.gpu, partial(node.op.run, self.gpu.kernels, **node.attrs)

        def call():
            around, context.running = context.running, gpu
            try:
                # Their plans copy what they are given, unless it is the array that they were given last: each run
                # gives them arrays that are new, though they lie in the same place.
                given = [x.array if type(x) is _Object else x.view() for x in inputs]
                run(*given, *[y.array if type(y) is _Object else y for y in outputs])
            finally:
                context.running = around

        return capture.Step(node.op.name, call, "asks the host which way to go")

    def _on_cpu(self, node, inputs, outputs, why):
        op = node.op
        specs, written = [y.spec for y in node.outputs], op.written(len(inputs)) if op.mutates else ()

        def call():
            hosted = [x.numpy() for x in inputs]
            around, context.running = context.running, None
            try:
                results = device.the_cpu.run(op, hosted, specs, node.attrs)
            finally:
                context.running = around
            for place, result in zip(outputs, results, strict=True):
                place.write(result)
            for i in written:
                inputs[i].write(hosted[i])

        return capture.Step(op.name, call, f"runs on the CPU ({why})")


def _run(noted, slots=None):
    for step in noted:
        step.call()


class _Object:
    """The place of strings, data sets and the like, which stay in the memory of the host."""

    def __init__(self, array: Any = None):
        self.array = array

    def numpy(self):
        return self.array

    write = set = __init__


class _Input:
    """The place of an input, and the array that was copied there last."""

    def __init__(self, gpu, place):
        self._gpu, self._place = gpu, place
        self._inlet, self._last = None, None

    def set(self, array):
        if self._last is not None and self._last() is array and not array.changes:  # those of Tensors do not
            return
        self._last = None  # until the place holds all of the new one
        if not is_on_gpu(array):
            if self._inlet is None:
                self._inlet = inlet(self._gpu, self._place)
            self._inlet.send(array)
        else:
            self._gpu.stream.copy(self._place, array, array.nbytes)
            self._last = weakref.ref(array)


class _Streams:
    """Where the random streams of a plan's ops stand: numbers of the host that kernels read on the GPU.

    Args: most: int, of streams.
    """

    def __init__(self, gpu, most):
        self._gpu, self._draws = gpu, []
        fields = {f"{word}{i}": np.uint64 for i in range(most) for word in ("key", "low", "high")}
        self._scalars: Any = Scalars(gpu.stream, gpu.allocator, fields) if most else None

    def add(self, draw):
        """A stream as kernels take it: where its three numbers lie. ``draw()`` gives those of the next run."""
        number = len(self._draws)
        self._draws.append(draw)
        address = self._scalars.address(f"key{number}")
        return DeviceArray(self._gpu, address, (3,), np.uint64, self._scalars), None, None

    @property
    def count(self):
        """How many there are by now."""
        return len(self._draws)

    def drop(self, first):
        """Forgets the streams from that number on, which nobody is going to read here."""
        del self._draws[first:]

    def upload(self, first=0, stop=None):
        """Lets streams go on, and tells the GPU."""
        if self._scalars is not None:
            for number in range(first, self.count if stop is None else stop):
                key, low, high = self._draws[number]()
                self._scalars.set(**{f"key{number}": key, f"low{number}": low, f"high{number}": high})
            self._scalars.upload()
