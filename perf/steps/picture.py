"""The picture: what an image costs, over the batch size."""

from harness import machine

from .networks import BATCHES, MODES, NETWORKS, rows
from .sides import CONTESTANTS, OURS

_COLORS = "black", "dimgray", "tab:red", "tab:orange", "tab:brown", "tab:blue", "tab:cyan", "tab:green"
COLORS = dict(zip(CONTESTANTS, _COLORS, strict=True))
MICROSECONDS = 1e6


def points(found, network, mode, side):
    """[(batch size, microseconds per image), ...] of what was measured."""
    return [
        (batch, found[name][side]["min"] / batch * MICROSECONDS)
        for batch in BATCHES
        if "min" in found.get(name := f"{network} {mode} {batch}", {}).get(side, {})
    ]


def draw(found, about, file):
    """Writes ``file``: one panel for each network and mode. found: name of a row -> side -> figures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    measured = {(row.network, row.mode) for name, row in rows().items() if name in found}
    modes = [mode for mode in MODES if any(other == mode for _, other in measured)]
    networks = [network for network in NETWORKS if any(other == network for other, _ in measured)]
    size = 5 * len(networks), 4.5 * len(modes)
    figure, grid = pyplot.subplots(len(modes), len(networks), figsize=size, layout="constrained", squeeze=False)
    handles = {}
    for i, mode in enumerate(modes):
        for j, network in enumerate(networks):
            axes = grid[i, j]
            for side, contestant in CONTESTANTS.items():
                line = points(found, network, mode, side)
                if line:
                    width = 2.5 if side in OURS else 1.2
                    style = {"color": COLORS[side], "linewidth": width, "label": contestant.name}
                    handles[contestant.name] = axes.plot(*zip(*line, strict=True), marker="o", markersize=4, **style)[0]
            axes.set(xscale="log", yscale="log", xlabel="batch size", ylabel="µs per image", title=f"{network} {mode}")
            axes.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
            axes.minorticks_off()
            axes.grid(alpha=0.3)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3 * len(networks))
    figure.suptitle(f"{machine.described(about)}, {about['date']}")
    figure.savefig(file, dpi=120)
    pyplot.close(figure)
