"""Where the pixels of convolutions and pools lie, for kernels. Twin: ``kernels/cpu/geometry.py``.

Along one axis, target t meets with tap k of a filter the pixel

    (t * step + lead + k * move) / divisor        of the source, if that is a whole number and in the image:

                                     step      lead        move          divisor
    convolution                      stride    -padding    dilation      1
    its gradient to the input        1         padding     -dilation     stride

Targets with the same t modulo the divisor are a phase: they meet the same taps, every ``every``-th, from pixels that
lie ``delta`` apart. So a phase is a convolution with step 1 of its own, without any product with the zeros between
strides. Kernels compute with uint32, in which negative numbers wrap around; a pixel is in an image if it is below the
image's size.
"""

from math import gcd

from .launch import ceildiv
from .target import device, int32, uint32

AXIS = "int32[8]"  # what ``axis`` returns, in a kernel's signature
NOWHERE = 0x40000000  # a line that is in no image, whatever tap is added to it
MOST_ELEMENTS = 2**31 - 1  # of an array of images


def countable(*arrays):
    """Raises ValueError for an array with more elements than kernels here can count: they would read wrong ones."""
    for array in arrays:
        if array.size > MOST_ELEMENTS:
            raise ValueError(
                f"images on a GPU have up to {MOST_ELEMENTS} elements, got {array.size} in an array of shape "
                f"{tuple(array.shape)}; make the batch smaller"
            )


def axis(step, lead, move, divisor, taps):
    """What kernels know of an axis: (step, lead, lift, move, divisor, every, delta, taps).

    lead is made positive by ``lift`` times the divisor, as remainders want it.
    """
    every = divisor // gcd(divisor, abs(move))
    lift = ceildiv(abs(lead) + abs(move) * every, divisor)
    return step, lead + lift * divisor, lift, move, divisor, every, every * move // divisor, taps


def axes(steps, leads, moves, divisors, taps):
    """``axis`` for rows and for columns."""
    return tuple(axis(*numbers) for numbers in zip(steps, leads, moves, divisors, taps, strict=True))


@device
def phase(corner, along):
    """(first tap, number of taps, pixel that target ``corner`` meets with the first) of the phase from ``corner`` on.

    Without taps the second is 0. corner: the first target, below the divisor. along: an ``axis``.
    """
    step, lead, lift, move, divisor, every, _, taps = along
    if divisor == int32(1):
        return uint32(0), uint32(taps), uint32(uint32(corner) * uint32(step) + uint32(lead) - uint32(lift))
    first, at = uint32(0), uint32(uint32(corner) * uint32(step) + uint32(lead))
    while first < uint32(every) and uint32(at % uint32(divisor)) != uint32(0):
        first, at = uint32(first + uint32(1)), uint32(at + uint32(move))
    count = uint32(0)
    if first < uint32(every) and first < uint32(taps):
        count = uint32(uint32(uint32(taps) - uint32(1) - first) // uint32(every) + uint32(1))
    return first, count, uint32(uint32(at // uint32(divisor)) - uint32(lift))


@device
def phase_size(size, corner, divisor):
    """How many of ``size`` targets belong to the phase from ``corner`` on."""
    return uint32(uint32(uint32(size) + uint32(divisor) - uint32(1) - corner) // uint32(divisor))


# Runs through all pixels of images (n, height, width), some pixels at each step: (image, line, column).


@device
def first_pixel(k, height, width):
    """(image, line, column) of pixel k."""
    line = uint32(k // uint32(width))
    return uint32(line // uint32(height)), uint32(line % uint32(height)), uint32(k % uint32(width))


@device
def pixel_moves(step, height, width):
    """What ``next_pixel`` adds for so many pixels."""
    lines = uint32(uint32(step) // uint32(width))
    more_images, more_lines = uint32(lines // uint32(height)), uint32(lines % uint32(height))
    return uint32(height), uint32(width), more_images, more_lines, uint32(uint32(step) % uint32(width))


@device
def next_pixel(state, moves):
    """The pixel that comes a step later: no division in a loop."""
    image, line, column = state
    height, width, more_images, more_lines, more_columns = moves
    image, line, column = uint32(image + more_images), uint32(line + more_lines), uint32(column + more_columns)
    if column >= width:
        line, column = uint32(line + uint32(1)), uint32(column - width)
    if line >= height:
        image, line = uint32(image + uint32(1)), uint32(line - height)
    return image, line, column
