"""Graphs as TensorFlow's GraphDef, the form in which TensorBoard draws them."""

from microdl.compile.graph import FuncGraph
from microdl.core.tensor import Tensor, apply
from microdl.core.variable import Variable
from microdl.summary.records import proto


def graph_def(graph):
    """The GraphDef of a traced function's graph, or of one of TensorFlow 1.

    Operations of a traced function are named by the part of a training step that they belong to, the layer whose
    variables they read, and their type: ``forward/dense/MatMul``.
    """
    drawing = _Drawing()
    if isinstance(graph, FuncGraph):
        drawing.function(graph)
    else:
        drawing.calls(graph)
    return drawing.message


class _Drawing:
    def __init__(self):
        self.message = proto("graph").GraphDef()
        self.message.versions.producer = 1882
        self._names = set()
        self._made = {}  # id of a Tensor or Variable -> "operation:output"

    def function(self, graph):
        """A graph of Nodes."""
        for x in [*graph.inputs, *(inner for _, inner in graph.captures.values())]:
            self._add("Placeholder", "inputs/x", (), (x,))
        for node in graph.nodes:
            if node.op.name == "ReadVariableOp":
                self._made[id(node.outputs[0])] = self._variable(node.inputs[0])
                continue
            layer = next((_layer(x) for x in map(self._origin(graph), node.inputs) if x is not None), "")
            scope = f"{node.phase or 'forward'}/{layer}/" if layer else f"{node.phase or 'forward'}/"
            inputs = [self._variable(x) if isinstance(x, Variable) else self._value(x, scope) for x in node.inputs]
            kind = _node_kind(node)
            self._add(kind, scope + kind, inputs, node.outputs, node.attrs)
        for y in graph.outputs:
            self._add("Identity", "outputs/y", [self._value(y, "outputs/")], ())

    def calls(self, graph):
        """A graph of calls, with sizes that may be unknown: of TensorFlow 1, or of an open signature."""
        for x in graph.inputs:
            self._add("Placeholder", "inputs/x", (), (x,))
        for call in graph.calls:
            kind, name = getattr(call, "type", None) or _kind(call), getattr(call, "name", None)
            inputs = [self._input(x, kind) for x in call.inputs]
            inputs = [x for x in inputs if x is not None]
            inputs += [f"^{op.name}" for op in getattr(call, "control_inputs", ())]
            self._add(kind, name or kind, inputs, call.outputs, device=getattr(call, "device", ""), named=bool(name))

    def _origin(self, graph):
        """A function from an input of a Node to the Variable that it is, or was read from, or None."""
        read = {id(n.outputs[0]): n.inputs[0] for n in graph.nodes if n.op.name == "ReadVariableOp"}
        return lambda x: x if isinstance(x, Variable) else read.get(id(x))

    def _input(self, x, kind):
        """What a call takes; None for the Variable that it makes. TensorFlow 1 assigns to one and reads another."""
        if isinstance(x, Tensor):
            return self._value(x, "")
        if (reference := getattr(x, "reference", None)) is None:
            return self._variable(x)
        found = self._made.get(id(x.snapshot))
        return self._made.get(id(reference)) if found is None or kind.startswith("Assign") else found

    def _variable(self, variable):
        if id(variable) not in self._made:
            name = f"variables/{variable.name.removesuffix(':0')}"
            self._add("VarHandleOp", name, (), (variable,))
        return self._made[id(variable)]

    def _value(self, x, scope):
        if id(x) not in self._made:
            if isinstance(x, Tensor) and x.array is not None:
                self._add("Const", f"{scope}Const", (), (x,))
            else:
                return self._variable(x)
        return self._made[id(x)]

    def _add(self, kind, name, inputs, outputs, attrs=None, device="", named=False):
        """One more node; the names of ``outputs`` are kept. named: whether ``name`` is the only one of its kind."""
        name = name if named else self._unique(name)
        node = self.message.node.add(name=name, op=kind, device=device or "")
        data = [x.removesuffix(":0") for x in inputs if not x.startswith("^")]
        node.input.extend([*data, *dict.fromkeys(x for x in inputs if x.startswith("^"))])
        shapes = node.attr["_output_shapes"].list.shape
        for i, y in enumerate(outputs):
            if y is not None:
                self._made[id(y)] = f"{name}:{i}"
                _fill(shapes.add(), y)
        if dtype := next((y.dtype.name for y in outputs if y is not None), None):
            node.attr["dtype"].type = _data_type(dtype)
        for key, value in (attrs or {}).items():
            if not callable(value):
                _set(node.attr[key], value)

    def _unique(self, name):
        unique, count = name, 0
        while unique in self._names:
            count += 1
            unique = f"{name}_{count}"
        self._names.add(unique)
        return unique


def _layer(variable):
    """What a Variable's name has before its last part."""
    return variable.name.removesuffix(":0").rpartition("/")[0]


def _node_kind(node):
    """A Node's op, by TensorFlow's name for matrices."""
    is_matmul = node.op.name == "BatchMatMulV2" and node.outputs[0].ndim == 2
    return "MatMul" if is_matmul else node.op.name


def _kind(call):
    return str(call.args[0]) if call.function is apply else call.function.__name__


def _fill(message, tensor):
    rank = getattr(tensor.shape, "rank", len(tensor.spec.shape))
    if rank is None:
        message.unknown_rank = True
        return
    for n in tensor.shape:
        size = getattr(n, "value", n)  # TensorFlow 1 has Dimensions
        message.dim.add(size=-1 if size is None else size)


def _data_type(name):
    names = {"float64": "DOUBLE", "float32": "FLOAT", "float16": "HALF"}
    return proto("types").DataType.Value(f"DT_{names.get(name, name.upper())}")


def _set(message, value):
    """A Node's attribute: numbers, text, and lists of whole numbers as such, everything else as text."""
    if isinstance(value, bool):
        message.b = value
    elif isinstance(value, int) and abs(value) < 2**63:
        message.i = value
    elif isinstance(value, float):
        message.f = value
    elif isinstance(value, (tuple, list)) and value and all(type(x) is int for x in value):
        message.list.i.extend(value)
    else:
        message.s = str(value)[:200].encode()
