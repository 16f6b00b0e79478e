"""What a plan does, for people: a table of its steps as text, and a drawing of its graph."""

from microdl.compile.phases import PHASES, phases_of
from microdl.core.costs import cost_of_node, kernels_of, record_of
from microdl.core.optional import require
from microdl.core.variable import Variable

COLORS = {"forward": "#cfe3f7", "backward": "#fbdcc4", "optimizer": "#d5edcf", "": "#eeeeee"}


def explain(plan):
    """The steps of a plan as a table, with what was fused, the memory and the variables that it writes."""
    nodes = [step.node for step in plan.steps]
    costs = [cost_of_node(node) for node in nodes]
    rows = [("step", "op", "phase", "inputs -> outputs", "kernels", "MFLOP", "bytes")]
    for number, (step, phase, (flops, moved)) in enumerate(zip(plan.steps, phases_of(nodes), costs, strict=True)):
        node = step.node
        shapes = f"{shapes_text(node.inputs)} -> {shapes_text(node.outputs) or '-'}"
        launched = step.kernels or [f"{family}.{kernel}" for family, kernel in kernels_of(node.op)]
        kernels = ", ".join(dict.fromkeys(launched)) or "-"
        rows.append((str(number), node.op.name, phase, shapes, kernels, f"{flops / 1e6:,.2f}", bytes_text(moved)))
    flops, moved = (sum(cost[k] for cost in costs) for k in (0, 1))
    lines = [
        *_aligned(rows, right=(0, 5, 6)),
        "",
        f"{len(nodes)} steps, {flops / 1e6:,.1f} MFLOP, {bytes_text(moved)} moved (as the ops count it)",
        f"memory inside the plan: {bytes_text(plan.nbytes)}, {bytes_text(plan.scratch)} of it scratch of kernels, "
        f"the rest laid out for {bytes_text(_made_inside(plan))} of arrays",
        *plan.how,
        *_fused(nodes),
        *_written(plan),
    ]
    return "\n".join(lines)


def shapes_text(tensors, most=3):
    """Shapes of Tensors or Specs as ``64x28x28x1, 5x5x1x16``; of a long list the first and how many more."""
    texts = ["x".join(map(str, tuple(x.shape))) or "scalar" for x in tensors]
    more = [f"{len(texts) - most} more"] if len(texts) > most + 1 else []
    return ", ".join(texts[:most] + more if more else texts)


def bytes_text(count):
    """``count`` bytes in the unit that suits them."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _aligned(rows, right):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if k in right else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _made_inside(plan):
    """Bytes of the arrays that steps make, as if none shared memory with another."""
    return sum(y.spec.nbytes for step in plan.steps if not step.node.op.view for y in step.node.outputs)


def _fused(nodes):
    """A line for each kind of step that stands for several ops."""
    kinds = {node.op: None for node in nodes if node.op.name.startswith("_Fused")}
    return [f"{op.name}: {first_line(record_of(op))}".rstrip(": ") for op in kinds]


def first_line(documented):
    return (documented.__doc__ or "").strip().partition("\n")[0]


def _written(plan):
    if not plan.written:
        return []
    total = sum(variable.spec.nbytes for variable in plan.written)
    return [f"writes {len(plan.written)} variables ({bytes_text(total)}): {_some([v.name for v in plan.written])}"]


def _some(names, most=6):
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


# The drawing.

WIDTH, HEIGHT = 3.3, 1.25  # inches from one box to the next


def plot(plan, path):
    """Writes a picture of the graph to ``path`` (.png, .svg, .pdf): steps as boxes, each below those it waits for.

    Colours tell forward, backward and optimizer apart; grey boxes are the plan's inputs. Variables are named where
    they are read or written.
    """
    figure_module = require("matplotlib.figure", "plan.plot")
    patches = require("matplotlib.patches", "plan.plot")
    boxes, arrows = _graph(plan)
    places = _places(boxes, arrows)
    columns = max(x for x, _ in places.values()) - min(x for x, _ in places.values()) + 1
    depth = max(y for _, y in places.values()) + 1
    figure = figure_module.Figure(figsize=(max(6, columns * WIDTH), depth * HEIGHT + 0.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    for start, end in arrows:
        (x0, y0), (x1, y1) = places[start], places[end]
        far = y1 - y0 > 1
        bend = {"connectionstyle": f"arc3,rad={0.12 if x1 <= x0 else -0.12}"} if far else {}
        arrow = {
            "arrowstyle": "-|>",
            "color": "#777777",
            "alpha": 0.55 if far else 1,
            "shrinkA": 0,
            "shrinkB": 2,
            **bend,
        }
        axes.annotate("", (x1, -y1 + 0.32), (x0, -y0 - 0.32), arrowprops=arrow, zorder=1)
    for key, (title, lines, phase) in boxes.items():
        x, y = places[key]
        corner, size = (x - 0.44, -y - 0.32), (0.88, 0.64)
        style = patches.BoxStyle.Round(pad=0, rounding_size=0.05)
        axes.add_patch(
            patches.FancyBboxPatch(
                corner, *size, boxstyle=style, facecolor=COLORS[phase], edgecolor="#555555", zorder=2
            )
        )
        axes.text(x, -y + 0.2, title, ha="center", va="center", fontsize=8, weight="bold", zorder=3)
        axes.text(x, -y - 0.08, "\n".join(lines), ha="center", va="center", fontsize=6.5, zorder=3)
    lowest = min(x for x, _ in places.values())
    axes.set_xlim(lowest - 0.6, lowest + columns - 0.4)
    axes.set_ylim(-depth + 0.4, 0.8)
    handles = [patches.Patch(color=COLORS[phase], label=phase) for phase in PHASES]
    axes.legend(handles=handles, loc="upper right", fontsize=8)
    figure.savefig(path, dpi=110)
    return path


def _graph(plan):
    """key -> (title, lines, phase) of each box, and the arrows as pairs of keys. Keys: ids of inputs, step numbers."""
    nodes = [step.node for step in plan.steps]
    names = {id(v.known_array()): v.name.removesuffix(":0") for v in _variables(plan)}
    boxes, arrows, made = {}, {}, {}
    used = {id(x) for node in nodes for x in node.inputs}
    for number, x in enumerate(plan.program.inputs):
        if id(x) in used:
            made[id(x)] = f"input {number}"
            boxes[made[id(x)]] = (f"input {number}", [shapes_text([x]), x.dtype.name], "")
    producers = {id(y): node for node in plan.program.nodes for y in node.outputs}
    for number, (node, phase) in enumerate(zip(nodes, phases_of(nodes), strict=True)):
        read = []
        for x in node.inputs:
            origin = _origin(x, producers, made)
            if isinstance(origin, Variable):
                read.append(names[id(origin.known_array())])
            elif origin is not None:
                arrows[origin, number] = None
        flops, moved = cost_of_node(node)
        lines = [shapes_text(node.outputs, most=1) or "-", f"{flops / 1e6:,.1f} MFLOP, {bytes_text(moved)}"]
        boxes[number] = (node.op.name, [*lines, *([_some(list(dict.fromkeys(read)), most=1)] if read else [])], phase)
        made.update((id(y), number) for y in node.outputs)
    return boxes, list(arrows)


def _variables(plan):
    return {x.uid: x for node in plan.program.nodes for x in node.inputs if isinstance(x, Variable)}.values()


def _origin(x, producers, made):
    """The key of the box that a value comes from, through views that are no steps; or a Variable; None: a constant."""
    while id(x) not in made:
        if isinstance(x, Variable) or id(x) not in producers:
            return x if isinstance(x, Variable) else None
        x = producers[id(x)].inputs[0]
    return made[id(x)]


def _places(boxes, arrows):
    """key -> (column, row): a row below the lowest of those it waits for, columns near those of what is above."""
    before = {}
    for start, end in arrows:
        before.setdefault(end, []).append(start)
    rows = {}
    for key in boxes:  # inputs, then steps in the order in which they run: what comes before is placed before
        rows[key] = 1 + max((rows[start] for start in before.get(key, ())), default=-1)
    columns = {}
    for row in range(max(rows.values(), default=0) + 1):
        keys = [key for key in boxes if rows[key] == row]
        wishes = {key: _mean([columns[start] for start in before.get(key, ())]) for key in keys}
        keys.sort(key=wishes.__getitem__)
        middle = _mean(list(wishes.values()))
        for position, key in enumerate(keys):
            columns[key] = middle + position - (len(keys) - 1) / 2
    return {key: (columns[key], rows[key]) for key in boxes}


def _mean(numbers):
    return sum(numbers) / len(numbers) if numbers else 0.0
