"""The roofline picture: every row a dot under the roofs of this machine."""

from . import machine
from .case import OURS

COLORS = {
    "convolution": "tab:blue", "matmul": "tab:orange", "pooling": "tab:green", "activation": "tab:red",
    "softmax": "tab:purple", "normalization": "tab:brown", "bias": "tab:pink", "optimizer": "tab:olive",
    "reduction": "tab:cyan",
}  # fmt: skip
OTHERS = "tab:gray"
DECADES = 2000


def draw(cases, rows, roofs, about, file):
    """Writes ``file``: operations per byte against GFLOP/s, both logarithmic.

    Rows without arithmetic, or with so little that they hardly compute (below the peak / DECADES), are left out.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(18, 11), layout="constrained")
    lowest = roofs["flops"]["float32"] / 1e9 / DECADES
    dots = [
        (case.kernels[0], case.name, case.intensity, case.flops / rows[name][OURS]["min"] / 1e9)
        for name, case in cases.items()
        if case.flops and "min" in rows[name][OURS]
    ]
    dots = [dot for dot in dots if dot[3] > lowest]
    names = _roofs(axes, roofs, [dot[2] for dot in dots])
    for family, color in [*COLORS.items(), ("others", OTHERS)]:
        own = [dot for dot in dots if _family(dot[0]) == family]
        if own:
            axes.scatter([dot[2] for dot in own], [dot[3] for dot in own], s=18, color=color, label=family, zorder=3)
    axes.set(
        xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s, as the direct algorithm counts them"
    )
    axes.set_title(f"{machine.described(about)}, {about['date']}")
    axes.grid(which="major", alpha=0.3)
    axes.legend(loc="lower right")
    _labels(figure, axes, dots, names)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def _family(kernel):
    family = kernel.partition(".")[0]
    return family if family in COLORS else "others"


def _roofs(axes, roofs, intensities):
    """The peak as a level line, each memory's bandwidth as a slope up to it. Returns their names."""
    left, right = min(intensities, default=0.1) / 2, max(intensities, default=100) * 3
    peak = roofs["flops"]["float32"] / 1e9
    axes.plot([left, right], [peak, peak], color="black")
    names = [axes.annotate(f"{peak:.0f} GFLOP/s", (right, peak), ha="right", va="bottom")]
    for name, _, copy, _ in roofs["levels"]:
        bandwidth = copy / 1e9
        axes.plot([left, peak / bandwidth], [left * bandwidth, peak], color="black", linewidth=0.8)
        place = {"xytext": (-3, 0), "textcoords": "offset points", "ha": "right", "va": "center", "fontsize": 8}
        names.append(axes.annotate(f"{name} {bandwidth:.0f} GB/s", (left, left * bandwidth), **place))
    axes.set_xlim(left / 2, right)
    return names


PLACES = ((5, 3), (5, -9), (-5, 3), (-5, -9))  # of a name beside its dot: right or left of it, above or below


def _labels(figure, axes, dots, names):
    """Names beside the dots: the best row of each kernel, as far as there is room, the fastest first."""
    figure.canvas.draw()
    taken = [axes.transData.transform((x, y)) for _, _, x, y in dots]
    room, boxes, named = axes.get_window_extent(), [name.get_window_extent() for name in names], set()
    for kernel, name, x, y in sorted(dots, key=lambda dot: -dot[3]):
        if kernel in named:
            continue
        for right, up in PLACES:
            note = {"xytext": (right, up), "textcoords": "offset points", "ha": "left" if right > 0 else "right"}
            text = axes.annotate(name, (x, y), fontsize=6, zorder=4, **note)
            box = text.get_window_extent()
            inside = room.contains(box.x0, box.y0) and room.contains(box.x1, box.y1)
            if (
                inside
                and not any(box.overlaps(other) for other in boxes)
                and not any(box.contains(*dot) for dot in taken)
            ):
                boxes.append(box)
                named.add(kernel)
                break
            text.remove()
