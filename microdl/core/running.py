"""How an op runs at once on the arrays of its inputs, while other threads may write to variables."""

from microdl.core import device


def arrays_of(tensors):
    """The arrays of Tensors, shared. Raises TypeError if one is symbolic."""
    arrays = []
    for x in tensors:
        array = x.array
        arrays.append(x.known_array() if array is None else array)  # which says what is wrong
    return arrays


def run(op, inputs, tensors, specs, attrs, prepared):
    """The arrays of the outputs. inputs: the arrays of ``tensors``."""
    arrays = device.current.run(op, inputs, specs, attrs, prepared)
    if op.view and tensors[0].borrowed:
        return tuple(array.copy() for array in arrays)  # the Variable may change, this tensor must not
    return arrays


def write(op, written, tensors, specs, attrs, prepared):
    """``run`` of an op that writes to variables, whose turn it is; others may be written to meanwhile."""
    for variable in written:
        variable.before_write()
    arrays = [x.own_array() if x.borrowed else x.known_array() for x in tensors]
    return run(op, arrays, tensors, specs, attrs, prepared)


def run_undisturbed(op, inputs, results, tensors, specs, attrs, prepared):
    """``results`` of the arrays ``inputs``, or those of another ``run`` if a thread wrote to a variable's buffer.

    Then the Tensor read from it has another array now, with the old values: see ``core/writing.py``.
    """
    while any(x.array is not array for x, array in zip(tensors, inputs, strict=True)):
        inputs = arrays_of(tensors)
        results = run(op, inputs, tensors, specs, attrs, prepared)
    return results
