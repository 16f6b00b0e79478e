"""A dense layer along any axes."""

import string

from microdl.keras import activations, initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.einsum import einsum


class EinsumDense(Layer):
    """``activation(einsum(equation, x, kernel) + bias)``

    Args:
        equation: "ab,bc->ac": letters of the axes of the inputs, the kernel, the output; ``...`` for any others.
        output_shape: int or sizes of the axes that the equation names, without the batch; None where it is the input's.
        activation: name or function. bias_axes: letters of the output's axes along which there is a bias, or None.
        kernel_, bias_initializer: as for ``add_weight``; ..._regularizer, ..._constraint: as for Layer.

    >>> EinsumDense("abc,cd->abd", output_shape=(None, 8))(tf.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 8])
    """

    supports_masking = True
    _options = ("kernel", "bias")
    _config = ("equation", "output_shape", "activation", "bias_axes", "kernel_initializer", "bias_initializer")

    def __init__(
        self,
        equation,
        output_shape,
        activation=None,
        bias_axes=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.equation = equation
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape):
        left, right, result = _spelled_out(self.equation, len(input_shape))
        sizes = dict(zip(left, input_shape, strict=True))
        written = self.equation.replace(" ", "").partition("->")[2]
        named = written.replace("...", "")[0 if written.startswith("...") else 1 :]
        if len(named) != len(self.output_shape):
            raise ValueError(
                f"{self._label}: {self.equation!r} has {len(named)} named axes without the batch, got output_shape "
                f"{self.output_shape}"
            )
        for letter, n in zip(named, self.output_shape, strict=True):
            if n is not None and sizes.get(letter, n) not in (n, None):
                raise ValueError(
                    f"{self._label}: axis {letter!r} of {self.equation!r} has size {sizes[letter]} in the inputs, "
                    f"{input_shape}, and {n} in output_shape"
                )
            sizes[letter] = sizes.get(letter) if n is None else n
        self.kernel = self._kernel([sizes[letter] for letter in right], [letter in result for letter in right])
        self.bias = None
        if self.bias_axes:
            unknown = set(self.bias_axes) - set(result)
            if unknown:
                raise ValueError(f"{self._label}: bias_axes {self.bias_axes!r} are not all in {written!r}")
            last = result[min(result.index(letter) for letter in self.bias_axes) :]
            self.bias = self._weight("bias", [sizes[c] if c in self.bias_axes else 1 for c in last])

    def _kernel(self, shape, kept):
        """Its outputs are the axes that the result keeps, its inputs the others."""
        given = self.kernel_initializer
        if isinstance(given, initializers.VarianceScaling):
            axes = [[i for i, keeps in enumerate(kept) if keeps is wanted] for wanted in (False, True)]
            self.kernel_initializer = given.for_axes(*axes)
        try:
            return self._weight("kernel", shape)
        finally:
            self.kernel_initializer = given

    def call(self, inputs):
        checks.one_tensor(self, inputs)
        y = einsum(self.equation, inputs, self.kernel)
        return self.activation(y if self.bias is None else y + self.bias)


def _spelled_out(equation, rank):
    """The letters of (inputs, kernel, output) in "ab...,bc->ac...", with letters for the axes that ``...`` stands for.

    Args: rank: number of axes of the inputs.
    Raises: ValueError for an equation of another form.
    """
    left, arrow, result = equation.replace(" ", "").partition("->")
    left, comma, right = left.partition(",")
    letters = [set(part.replace("...", "")) for part in (left, right, result)]
    if not arrow or not comma or not all(part <= set(string.ascii_letters) for part in letters):
        raise ValueError(f"EinsumDense: expected an equation like 'ab,bc->ac', got {equation!r}")
    count = rank - len(left.replace("...", ""))
    unused = [letter for letter in string.ascii_letters if letter not in set().union(*letters)]
    if count < 0 or (count and "..." not in left):
        raise ValueError(f"EinsumDense: {equation!r} does not fit inputs of {rank} axes")
    rest = "".join(unused[:count])
    return left.replace("...", rest), right.replace("...", rest), result.replace("...", rest)
