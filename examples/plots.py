"""The pictures of ``mnist_cnn.py``: curves, the confusion matrix, misread digits, learned filters."""

import matplotlib

matplotlib.use("Agg")  # files, no windows

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

DOTS_PER_INCH = 130


def draw_all(history, model, images, labels, logits, folder):
    """Draws every picture into ``folder``.

    Args:
        history: dict from names to lists, one value an epoch. model: with layers conv1 and conv2.
        images: float32, (N, 28, 28). labels: integers, (N,). logits: float32, (N, 10).

    Returns: list of the files' Paths.
    """
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    figures = {
        "curves.png": curves(history),
        "confusion.png": confusion(labels, probabilities.argmax(axis=1)),
        "mistakes.png": mistakes(images, labels, probabilities),
        "filters_conv1.png": first_filters(model.get_layer("conv1").kernel.numpy()),
        "filters_conv2.png": second_filters(model.get_layer("conv2").kernel.numpy()),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=DOTS_PER_INCH)
        plt.close(figure)
    return [folder / name for name in figures]


def curves(history):
    """Loss and accuracy of training and validation images over the epochs."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    epochs = np.arange(1, len(history["loss"]) + 1)
    highest = max(history["loss"] + history.get("val_loss", []))
    for axis, key, factor, label in (
        (axes[0], "loss", 1, "cross entropy (nats per image)"),
        (axes[1], "accuracy", 100, "accuracy (%)"),
    ):
        for name, marker, legend in ((key, "o-", "training (mean over the epoch)"), (f"val_{key}", "s-", "validation")):
            if name in history:
                axis.plot(epochs, factor * np.array(history[name]), marker, label=legend)
        axis.set(title=key.capitalize(), xlabel="epoch", ylabel=label, xlim=(0.5, len(epochs) + 0.5))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.grid(alpha=0.3)
        axis.legend()
    axes[0].set_ylim(0, 1.08 * highest)
    figure.suptitle("Training on MNIST")
    return figure


def confusion(labels, predictions):
    """How often each digit was read as each: counts in the cells, colour for the mistakes alone."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, predictions), 1)
    wrong = counts - np.diag(np.diag(counts))
    figure, axis = plt.subplots(figsize=(7.2, 6.4), layout="constrained")
    shown = axis.imshow(wrong, cmap="OrRd", vmin=0, vmax=max(wrong.max(), 1))
    figure.colorbar(shown, ax=axis, label="misread images", shrink=0.85, ticks=MaxNLocator(integer=True))
    for row, column in np.ndindex(10, 10):
        count = counts[row, column]
        if row == column:
            axis.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 1, 1, color="#dfe8df"))
        if count:
            dark = wrong[row, column] > 0.6 * wrong.max()
            axis.text(column, row, str(count), ha="center", va="center", fontsize=9, color="white" if dark else "black")
    axis.set(xlabel="read as", ylabel="label", xticks=range(10), yticks=range(10))
    axis.set_title(f"Confusion matrix: {wrong.sum():,} of {len(labels):,} test digits misread")
    return figure


def mistakes(images, labels, probabilities, rows=5, columns=8):
    """Misread digits, those first of which the network was surest."""
    predictions = probabilities.argmax(axis=1)
    sureness = probabilities.max(axis=1)
    wrong = np.flatnonzero(predictions != labels)
    chosen = wrong[np.argsort(-sureness[wrong], kind="stable")][: rows * columns]
    figure, axes = plt.subplots(rows, columns, figsize=(1.35 * columns, 1.62 * rows + 0.6), layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, i in zip(axes.flat, chosen, strict=False):
        axis.imshow(images[i], cmap="gray_r", vmin=0, vmax=1)
        axis.set_title(f"{labels[i]} read as {predictions[i]}\n{100 * sureness[i]:.0f} % sure", fontsize=8.5)
    figure.suptitle(f"{len(chosen)} of {len(wrong)} misread test digits, the surest mistakes first")
    return figure


def first_filters(kernel):
    """The filters of the first convolution. kernel: float32, (5, 5, 1, 16)."""
    count, columns = kernel.shape[3], 8
    rows = -(-count // columns)
    largest = np.abs(kernel).max()
    figure, axes = plt.subplots(rows, columns, figsize=(1.2 * columns + 1, 1.35 * rows + 0.5), layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for o, axis in zip(range(count), axes.flat, strict=False):
        shown = axis.imshow(kernel[:, :, 0, o], cmap="RdBu", vmin=-largest, vmax=largest)
        axis.set_title(f"filter {o + 1}", fontsize=8.5)
    figure.colorbar(shown, ax=axes, label="weight (dimensionless)", shrink=0.85)
    figure.suptitle(f"First convolution: {count} filters of 5 x 5 pixels")
    return figure


def second_filters(kernel):
    """The filters of the second convolution, side by side. kernel: float32, (5, 5, 16, 36).

    Each row is an input channel (a filter of the first convolution), each column an output channel.
    """
    height, width, inputs, outputs = kernel.shape
    gap = 1  # pixels between tiles
    mosaic = np.full((inputs * (height + gap) + gap, outputs * (width + gap) + gap), np.nan, np.float32)
    for c, o in np.ndindex(inputs, outputs):
        top, left = gap + c * (height + gap), gap + o * (width + gap)
        mosaic[top : top + height, left : left + width] = kernel[:, :, c, o]
    figure, axis = plt.subplots(figsize=(13, 5.7), layout="constrained")
    largest = np.quantile(np.abs(kernel), 0.995)  # a few large weights would wash out all others
    shown = axis.imshow(mosaic, cmap="RdBu", vmin=-largest, vmax=largest)
    axis.set_facecolor("white")
    axis.set_xticks([gap + o * (width + gap) + width // 2 for o in range(outputs)], range(1, outputs + 1), fontsize=7)
    axis.set_yticks([gap + c * (height + gap) + height // 2 for c in range(inputs)], range(1, inputs + 1), fontsize=7)
    axis.tick_params(length=0)
    axis.set(xlabel="output channel", ylabel="input channel (filter of the first convolution)")
    axis.set_title(f"Second convolution: {outputs} filters of {height} x {width} pixels x {inputs} channels")
    figure.colorbar(shown, ax=axis, label="weight (dimensionless)", shrink=0.85, extend="both")
    return figure
