"""The roofline picture of a profile: every row a dot under the roofs of this machine."""

from itertools import cycle

from microdl.core.optional import require

COLORS = {"forward": "tab:blue", "backward": "tab:orange", "optimizer": "tab:green"}
STYLES = ("dotted", "dashed", "dashdot", "solid")  # of the slopes: L1, L2, L3, memory
DECADES = 4  # below the peak: rows that compute less are left out, they only move bytes


def roofline(rows, roofs, path):
    """Writes ``path``: operations per byte against GFLOP/s, both logarithmic; a dot's area is its share of the time.

    Only what ran on the CPU, whose roofs these are, has a dot. Dots above the roof are Winograd's convolutions: they do
    with fewer operations than are counted.

    Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model", 2009.
    """
    figure = require("matplotlib.figure", "profile.roofline").Figure(figsize=(11, 7), layout="constrained")
    axes = figure.add_subplot()
    peak, total = roofs.flops / 1e9, sum(row.seconds for row in rows)
    dots = [
        (row, row.flops / row.bytes, row.flops * row.calls / row.seconds / 1e9)
        for row in rows
        if row.device == "CPU" and row.flops and row.bytes and row.seconds > 0
    ]
    dots = [dot for dot in dots if dot[2] > peak / 10**DECADES]
    left, right = min([0.05, *(x / 2 for _, x, _ in dots)]), max([200.0, *(x * 3 for _, x, _ in dots)])
    axes.plot([left, right], [peak, peak], color="black")
    axes.annotate(f"{peak:.0f} GFLOP/s", (right, peak), ha="right", va="bottom")
    for (name, _, speed), style in zip(roofs.levels, cycle(STYLES)):
        ends = [left, peak / (speed / 1e9)]
        label = f"{name}, {speed / 1e9:.0f} GB/s"
        axes.plot(ends, [x * speed / 1e9 for x in ends], color="black", linewidth=0.8, linestyle=style, label=label)
    for phase, color in COLORS.items():
        own = [dot for dot in dots if dot[0].phase == phase]
        sizes = [20 + 1500 * row.seconds / total for row, _, _ in own]
        axes.scatter([x for _, x, _ in own], [y for _, _, y in own], s=sizes, color=color, alpha=0.6, label=phase)
    axes.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s, as the direct algorithm counts")
    axes.set_xlim(left, right)
    axes.set_ylim(min([1.0, *(y / 2 for _, _, y in dots)]), max([peak * 2, *(y * 1.6 for _, _, y in dots)]))
    figure.draw_without_rendering()  # only then it is known where the dots lie
    _names(axes, dots)
    axes.grid(which="major", alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    return path


def _names(axes, dots, most=20):
    """Names beside the dots of the rows that took longest, as far as there is room."""
    taken, points = [], 72 / axes.figure.dpi
    for row, x, y in dots[:most]:
        across, up = axes.transData.transform((x, y)) * points
        for shift in (-3, 6, -12, 15, -21):
            box = (across + 8, across + 8 + 5 * len(row.name), up + shift, up + shift + 8)
            if not any(box[0] < b[1] and b[0] < box[1] and box[2] < b[3] and b[2] < box[3] for b in taken):
                taken.append(box)
                axes.annotate(row.name, (x, y), xytext=(8, shift), textcoords="offset points", fontsize=7)
                break
