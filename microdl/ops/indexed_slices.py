"""``tf.IndexedSlices``: a few slices of a tensor and where they belong."""

from microdl.core.shapes import TensorShape, as_shape
from microdl.core.tensor import apply, convert
from microdl.ops.segments import unsorted_segment_sum


class IndexedSlices:
    """``values[i]`` belongs to row ``indices[i]`` of a tensor that is 0 elsewhere; several for one row are added.

    Gradients are dense tensors in microdl; this is for programs that make such slices, or ask for their type. Ops take
    it as the dense tensor, for which ``dense_shape`` must be known.

    Args: values: (n, ...). indices: integers (n,). dense_shape: of the whole tensor, or None.
    """

    def __init__(self, values, indices, dense_shape=None):
        self.values, self.indices = convert(values), convert(indices)
        self.dense_shape = None if dense_shape is None else convert(dense_shape)

    @property
    def dtype(self):
        return self.values.dtype

    @property
    def shape(self):
        if self.dense_shape is None:
            return TensorShape([None, *self.values.shape[1:]])
        return TensorShape(as_shape(self.dense_shape.numpy()))

    @property
    def name(self):
        return "IndexedSlices"

    @property
    def device(self):
        return self.values.device

    def read_value(self):
        """The dense tensor. Raises ValueError if its shape is not known."""
        if self.dense_shape is None:
            raise ValueError(
                "Tensor conversion requested for IndexedSlices for argument without dense_shape: give it one"
            )
        return unsorted_segment_sum(self.values, self.indices, self.shape[0])

    read = read_value

    def __neg__(self):
        return IndexedSlices(apply("Neg", self.values), self.indices, self.dense_shape)

    def __repr__(self):
        rows = self.indices.shape[0]
        return f"<IndexedSlices of shape {self.shape}, {self.dtype.name}, with {rows} slices>"
