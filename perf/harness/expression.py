"""What a peer does for a row, written in the table as an expression of the row's arrays."""

import re


def way(text, names, outputs, to_numpy):
    """(call, results) of an expression: ``results`` gives name -> NumPy array.

    An expression that names the outputs writes them; any other returns them, in their order.
    """
    call = eval(f"lambda: {text}", names)
    if all(re.search(rf"\b{output}\b(?!\.shape|\.dtype)", text) for output in outputs):
        return call, lambda: {output: to_numpy(names[output]) for output in outputs}

    def results():
        value = call()
        values = value if isinstance(value, (tuple, list)) else (value,)
        return {output: to_numpy(part) for output, part in zip(outputs, values, strict=False)}

    return call, results


def ways(side, case, arrays, names, to_numpy):
    """Name -> (call, results) of each way in which the module ``side`` does a case's work.

    names: what expressions may name. arrays: the side's own, for functions of the module.
    """
    text = case.peers[side.__name__.rpartition(".")[2].removesuffix("_side")]
    if text.isidentifier():
        return getattr(side, text)(arrays, **case.options)
    return {"": way(text, {**names, **arrays}, case.outputs, to_numpy)}
