"""What is known of sizes by example: shapes in samples that take other sizes for the unknown ones."""

import re


def common_shape(tensors):
    """The sizes on which Tensors of all samples agree, None for the others; None if even their ranks differ.

    One sample alone tells no size.
    """
    first, *others = [x.spec.shape for x in tensors]
    if any(len(shape) != len(first) for shape in others):
        return None
    return tuple([n[0] if others and len(set(n)) == 1 else None for n in zip(first, *others, strict=True)])


def without_sizes(error, sizes):
    """``error`` with None in its text where one of ``sizes`` stands. Small ones may well be something else there."""
    pattern = rf"\b({'|'.join(str(n) for n in sizes if n > 100)})\b"
    if any(n > 100 for n in sizes):
        error.args = tuple([re.sub(pattern, "None", x) if isinstance(x, str) else x for x in error.args])
    return error
