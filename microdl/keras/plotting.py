"""A picture of a model: its layers as boxes, and arrows from each to those that it feeds."""

from pathlib import Path

from microdl.core.optional import require
from microdl.keras.models.summary import type_name

BOX, GAP = (2.6, 0.6), (0.5, 0.6)  # width and height of a box, and of what lies between, inches


def plot_model(
    model,
    to_file="model.png",
    show_shapes=False,
    show_dtype=False,
    show_layer_names=False,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    show_layer_activations=False,
    show_trainable=False,
):
    """Draws a functional or Sequential model with matplotlib.

    Args:
        model: Model with known inputs. to_file: path of a picture (``.png``, ``.pdf``, ``.svg``), or ``.dot`` for text
            that Graphviz draws. show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable:
            bool, what the boxes say besides the layers' types. rankdir: "TB" from top to bottom, "LR" from left to
            right. expand_nested: accepted for Keras's sake: models in the model are one box. dpi: dots per inch.

    Returns: the path. Raises: ValueError for a model whose layers' connections are not known.
    """
    path = Path(to_file)
    if path.suffix == ".dot":
        options = {"show_shapes": show_shapes, "show_layer_names": show_layer_names, "rankdir": rankdir}
        path.write_text(model_to_dot(model, **options))
        return path
    nodes, edges = _graph(model)
    rows = _rows(nodes, edges)
    wanted = show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable
    labels = [_label(operation, *wanted) for operation in nodes]
    width, height = BOX[0] + GAP[0], BOX[1] * max(label.count("\n") + 1 for label in labels) + GAP[1]
    places = {}
    for depth, row in enumerate(rows):
        for i, node in enumerate(row):
            across = (i - (len(row) - 1) / 2) * width
            places[node] = (across, -depth * height) if rankdir == "TB" else (depth * width, -across * height / width)
    across, down = zip(*places.values(), strict=True)
    figure = require("matplotlib.figure", "plot_model").Figure(
        (max(across) - min(across) + width, max(down) - min(down) + height)
    )
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(min(across) - width / 2, max(across) + width / 2))
    axes.set(ylim=(min(down) - height / 2, max(down) + height / 2))
    axes.axis("off")
    for node, label in enumerate(labels):
        axes.text(
            *places[node], label, ha="center", va="center", fontsize=8, bbox={"boxstyle": "round", "fc": "#e8eef7"}
        )
    for begin, end in edges:
        arrow = {"arrowstyle": "->", "shrinkA": 18, "shrinkB": 18}
        axes.annotate("", places[end], places[begin], arrowprops=arrow)
    figure.savefig(path, dpi=dpi)
    return path


def model_to_dot(model, show_shapes=False, show_layer_names=False, rankdir="TB"):
    """The model in Graphviz's language, as text."""
    nodes, edges = _graph(model)
    lines = ["digraph model {", f"  rankdir={rankdir};", "  node [shape=record];"]
    for i, operation in enumerate(nodes):
        label = _label(operation, show_shapes, False, show_layer_names, False, False).replace("\n", r"\n")
        lines.append(f'  n{i} [label="{label}"];')
    return "\n".join([*lines, *(f"  n{begin} -> n{end};" for begin, end in edges), "}"]) + "\n"


def _graph(model):
    """Operations, and pairs (from, to) of their positions."""
    if model._network is None:
        if model.inputs is None:
            raise ValueError(
                f"plot_model: the connections in model {model.name!r} are not known; a functional model has them, and "
                "a Sequential one that begins with a keras.Input or was called"
            )
        nodes = [model.inputs[0]._keras_history.operation, *model.layers]
        return nodes, [(i, i + 1) for i in range(len(model.layers))]
    network = model._network
    nodes = list(network.operations)
    positions = {operation.name: i for i, operation in enumerate(nodes)}
    pairs = [(network.place(x)[0], call.operation.name) for call in network.calls for x in call.input_tensors]
    return nodes, [(positions[begin], positions[end]) for begin, end in dict.fromkeys(pairs)]


def _rows(nodes, edges):
    """Positions of the operations, those that need nothing first, each below all that it needs."""
    depth = [0] * len(nodes)
    for _ in nodes:
        for begin, end in edges:
            depth[end] = max(depth[end], depth[begin] + 1)
    fed = {end for _, end in edges}
    for node in set(range(len(nodes))) - fed:  # inputs stand right above what they feed
        depth[node] = min((depth[end] for begin, end in edges if begin == node), default=1) - 1
    return [[i for i, d in enumerate(depth) if d == level] for level in range(max(depth) + 1)]


def _label(operation, show_shapes, show_dtype, show_names, show_activations, show_trainable):
    kind = type_name(operation)
    lines = [f"{operation.name} ({kind})" if show_names else kind]
    outputs = operation._inbound_nodes[-1].output_tensors
    if show_activations and callable(getattr(operation, "activation", None)):
        lines.append(f"activation: {operation.activation.__name__}")
    if show_shapes:
        lines.append(f"output: {', '.join(str(x.shape) for x in outputs)}")
    if show_dtype:
        lines.append(f"dtype: {', '.join(x.dtype.name for x in outputs)}")
    if show_trainable and getattr(operation, "weights", None):
        lines.append("trainable" if operation.trainable else "frozen")
    return "\n".join(lines)
