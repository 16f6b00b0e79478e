"""The table that ``Model.summary`` prints."""

import shutil

from microdl.keras.layers.keras_tensor import FunctionOperation
from microdl.keras.layers.nested import is_shape, map_nested
from microdl.keras.layers.symbolic import without_batch_size
from microdl.keras.naming import camel_case

COLUMNS = (("Layer (type)", 0.5), ("Output Shape", 0.3), ("Param #", 0.2))  # heading, share of the line
CONNECTED = (("Layer (type)", 0.35), ("Output Shape", 0.25), ("Param #", 0.12), ("Connected to", 0.28))
LINE_LENGTH, CONNECTED_LENGTH = 76, 98  # characters


def print_summary(model, line_length=None, print_fn=None, expand_nested=False, show_trainable=False, layer_range=None):
    """Prints a model's layers and numbers of weights. Arguments: see ``Model.summary``."""
    if not model.built:
        raise ValueError(f"summary: model {model.name!r} is not built: call it on an input or build(input_shape) first")
    emit = print_fn or print
    connected = _branches(model)
    columns, least = (CONNECTED, CONNECTED_LENGTH) if connected else (COLUMNS, LINE_LENGTH)
    if show_trainable:
        columns = (*columns, ("Trainable", 0.1))
    rows = list(_rows(model, expand_nested, connected, show_trainable, _chosen(model, layer_range)))
    length = line_length or min(max(_needed(rows, columns), least), max(shutil.get_terminal_size().columns, least))
    widths = _widths(rows, columns, length)
    emit(f'Model: "{model.name}"')
    emit("_" * length)
    emit(_line([heading for heading, _ in columns], widths))
    emit("=" * length)
    for row in rows:
        for line in _lines(row):
            emit(_line(line, widths))
    emit("=" * length)
    for heading, weights in (
        ("Total params", model.weights),
        ("Trainable params", model.trainable_weights),
        ("Non-trainable params", model.non_trainable_weights),
    ):
        emit(f"{heading}: {sum(v.spec.size for v in weights):,} ({_bytes_text(sum(v.spec.nbytes for v in weights))})")
    emit("_" * length)


def _branches(model):
    """Whether a model is more than one layer after the other, so that the table says where inputs come from."""
    network = getattr(model, "_network", None)
    if network is None:
        return False
    uses = [id(x) for call in network.calls for x in call.input_tensors]
    several_inputs = any(len(call.input_tensors) != 1 for call in network.calls)
    twice = len({id(call.operation) for call in network.calls}) < len(network.calls)
    return several_inputs or twice or len(set(uses)) < len(uses)


def _chosen(model, layer_range):
    """The layers and operations from the first one of a name to that of the other."""
    found = list(model.operations)
    if layer_range is None:
        return found
    names = [operation.name for operation in found]
    if len(layer_range) != 2 or any(name not in names for name in layer_range):
        raise ValueError(f"summary: layer_range is the names of two layers, got {layer_range!r}; there are {names}")
    first, last = sorted(map(names.index, layer_range))
    return found[first : last + 1]


def _rows(model, expand_nested, connected, show_trainable, operations, depth=0):
    """The cells of every layer and operation: text, or for its connections a list of texts."""
    network = getattr(model, "_network", None)
    for operation in operations:
        weights = getattr(operation, "weights", [])
        row: list = [f"{'  ' * depth}{operation.name} ({type_name(operation)})", _shape(network, operation)]
        row.append(f"{sum(v.spec.size for v in weights):,}")
        if connected:
            row.append(connections(network, operation) if depth == 0 else ["-"])
        if show_trainable:
            row.append(("Y" if operation.trainable else "N") if weights else "-")
        yield row
        if expand_nested and hasattr(operation, "layers"):
            yield from _rows(operation, expand_nested, connected, show_trainable, operation.operations, depth + 1)


def type_name(operation):
    """``Dense``, or for a function its name in camel case: ``GetItem``."""
    if isinstance(operation, FunctionOperation):
        return camel_case(operation.keras_name)
    return type(operation).__name__


def connections(network, operation):
    """Where the inputs of an operation come from, call after call: ["dense[0][0]", ...]; ["-"] for a model's inputs."""
    tensors = [x for call in network.calls_of(operation) for x in call.input_tensors]
    places = (network.place(x) for x in tensors)
    return [f"{name}[{call}][{output}]" for name, call, output in places] or ["-"]


def _shape(network, operation):
    """``(None, 28, 28, 16)``; ``?`` where a layer was not reached."""
    if network is None:
        shape = map_nested(lambda s: s if s is None else without_batch_size(s), operation._seen_shape, is_leaf=is_shape)
    else:
        calls = network.calls_of(operation) or operation._inbound_nodes
        shape = map_nested(lambda x: getattr(x, "shape", None), calls[-1].outputs)
    text = map_nested(lambda s: "?" if s is None else str(s), shape, is_leaf=is_shape)
    return text if isinstance(text, str) else str(text).replace("'", "")


def _lines(row):
    """The lines of a row: its last cells may be lists."""
    height = max(len(cell) if isinstance(cell, list) else 1 for cell in row)
    for i in range(height):
        line = []
        for cell in row:
            parts = cell if isinstance(cell, list) else [cell]
            more = "," if isinstance(cell, list) and i < len(parts) - 1 else ""
            line.append(parts[i] + more if i < len(parts) else "")
        yield line


def _longest(row, i):
    return max(map(len, row[i])) + 1 if isinstance(row[i], list) else len(row[i])


def _needed(rows, columns):
    """Characters of a line in which no column is cut."""
    return sum(max(len(heading), *(_longest(row, i) for row in rows), 0) + 1 for i, (heading, _) in enumerate(columns))


def _widths(rows, columns, length):
    """Characters of each column: its share of the line, or what its text needs where there is room."""
    if _needed(rows, columns) > length:
        return [int(length * share / sum(share for _, share in columns)) for _, share in columns]
    needed = [max([len(heading), *(_longest(row, i) for row in rows)]) + 1 for i, (heading, _) in enumerate(columns)]
    spare = length - sum(needed)
    return [width + int(spare * share) for width, (_, share) in zip(needed, columns, strict=True)]


def _line(cells, widths):
    """The cells side by side; one that is too long for its column ends in an ellipsis."""
    parts = []
    for cell, width in zip(cells, widths, strict=True):
        parts.append((cell if len(cell) < width else cell[: max(width - 4, 0)] + "...").ljust(width))
    return "".join(parts).rstrip()


def _bytes_text(count):
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.2f} KB" if count < 1024**2 else f"{count / 1024**2:.2f} MB"
