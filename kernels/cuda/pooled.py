"""Gradients of convolution + bias + relu + 2 x 2 max pool, from the winners, on a GPU. Twin: ``kernels/cpu/pooled.py``.

A CPU multiplies the winners alone. Threads of a GPU work in step: those without a winner would wait for those with one,
and tiles of zeros are multiplied as fast as others. So dz is written out (``fused.py``), and the gradients are those of
``convolution.py``; plans do not even ask for the functions here, as nothing ``pays``.
"""

import numpy as np

from .convolution import conv2d_grad_filter, conv2d_grad_input
from .fused import bias_relu_pool_grad
from .launch import device as gpu

STEP = 1, 1


def pays(filter_shape):
    """Whether these functions are quicker than ``fused.bias_relu_pool_grad`` and dense gradients: they are the same."""
    return False


def conv2d_pool_grad_filter(x, dy, winner, padding, dw, dbias):
    """dw[kh, kw, c, o] = sum over winners of o of dy * x at the winner + (kh, kw) - padding; dbias[o] = sum of dy.

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. winner: uint8, as dy, read: 2*i + j of the pixel
    (2h' + i, 2w' + j) that the window's maximum came from, 4 for none. dw: (kh, kw, c, o), written. dbias: (o,),
    written. Unlike the CPU's, a NaN in x reaches dw through pixels without a winner too: zero times NaN.
    """
    conv2d_grad_filter(x, _unpooled(dy, winner, dbias), STEP, STEP, padding, dw)


def conv2d_pool_grad_input(dy, winner, w, padding, dx):
    """dx[n, h, w, c] = sum over winners (h', w', o) of dy * w[h - h' + top, w - w' + left, c, o], if there is that tap.

    dy: (n, h', w', o), read. winner: uint8, as dy, read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. padding:
    (top, left).
    """
    unused = gpu().empty(dy.shape[3:], np.float32)
    conv2d_grad_input(_unpooled(dy, winner, unused), w, STEP, STEP, padding, dx)


def _unpooled(dy, winner, dbias):
    """dz as far as windows reach; beyond, it is zero, and so is what the gradients read there."""
    images, rows, columns, outputs = dy.shape
    dz = gpu().empty((images, 2 * rows, 2 * columns, outputs), np.float32)
    bias_relu_pool_grad(dy, winner, dz, dbias)
    return dz
