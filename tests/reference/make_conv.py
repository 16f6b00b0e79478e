"""Freezes conv2d of PyTorch in ``conv.npz``: dilations with strides, whose gradients TensorFlow lacks on a CPU.

Arrays and options are stored as TensorFlow's ``nn.conv2d`` takes them (NHWC, HWIO, explicit padding).
"""

import numpy as np
import torch
from frozen import Case, normal, save

SHAPES = {"3x3": ((2, 9, 8, 3), (3, 3, 3, 4)), "2x3": ((1, 10, 11, 2), (2, 3, 2, 5))}
STRIDES_DILATIONS = (([1, 1], [2, 2]), ([2, 2], [2, 2]), ([1, 2], [2, 1]), ([2, 1], [1, 3]), ([3, 2], [1, 1]))
PADDINGS = ([[0, 0], [0, 0]], [[1, 1], [2, 2]], [[2, 0], [0, 3]])  # rows, columns: before, after


def convolve(x, w, dy, padding, strides, dilations):
    """The results for NHWC images and HWIO filters. dy: function from the output's shape to the gradient."""
    (top, bottom), (left, right) = padding
    image = torch.tensor(x, requires_grad=True)
    filters = torch.tensor(w, requires_grad=True)
    padded = torch.nn.functional.pad(image.permute(0, 3, 1, 2), (left, right, top, bottom))
    y = torch.nn.functional.conv2d(padded, filters.permute(3, 2, 0, 1), stride=strides, dilation=dilations)
    y = y.permute(0, 2, 3, 1)
    upstream = dy(tuple(y.shape))
    y.backward(torch.tensor(upstream))
    return {"output": y.detach().numpy(), "d_input": image.grad.numpy(), "d_filters": filters.grad.numpy()}, upstream


cases = []
for label, (x_shape, w_shape) in SHAPES.items():
    for strides, dilations in STRIDES_DILATIONS:
        for padding in PADDINGS:
            name = f"conv2d {label} strides {strides} dilations {dilations} padding {padding}"
            x, w = normal(name, x_shape), normal(name + "w", w_shape)
            geometry = (padding, strides, dilations)
            outputs, dy = convolve(x, w, lambda shape, name=name: normal(name + "dy", shape), *geometry)
            absolute, _ = convolve(np.abs(x), np.abs(w), lambda shape, dy=dy: np.abs(dy), *geometry)
            window = w_shape[0] * w_shape[1]
            terms = {
                "output": window * w_shape[2],
                "d_input": window * w_shape[3],
                "d_filters": int(np.prod(x_shape[:3])),
            }
            scale = {key: float(value.max()) for key, value in absolute.items()}
            options = {"strides": strides, "padding": [[0, 0], *padding, [0, 0]], "dilations": dilations}
            arrays = {"input": x, "filters": w, "output_gradient": dy, **outputs}
            cases.append(Case(name, "nn.conv2d", options, arrays, terms, scale))
save("conv.npz", cases, torch=torch.__version__)
