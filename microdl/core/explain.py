"""Why a gradient is None, in words."""


def explain(tape, target, source, followed, watches_variables):
    """The first cause that applies, of those that cut a path from ``source`` to ``target`` on ``tape``."""
    is_variable = not hasattr(source, "array")
    if not target.dtype.is_floating:
        cut = _cut(tape.lost.get(target.uid))
        return f"the target has dtype {target.dtype.name}; only floating tensors have gradients{cut and f' ({cut})'}"
    if not source.dtype.is_floating:
        return f"the source has dtype {source.dtype.name}; only floating tensors have gradients: use tf.cast first"
    if source.uid not in followed:
        return _not_followed(tape, source, is_variable, watches_variables)
    if target.uid in tape.lost:
        return f"the path from source to target is cut: {_cut(tape.lost[target.uid])}"
    if target.uid not in followed:
        text = f"the target was not computed from anything that this tape follows (it was opened at {tape.opened_at})"
        return text + _possible_ends(tape)
    text = "the target does not depend on the source: no recorded op leads from one to the other"
    return text + _possible_ends(tape)


def _possible_ends(tape, most=3):
    """Where paths of this tape ended; which of them, if any, came from the source is not known any more."""
    ends = [f"the op {op} at {place} has no gradient" for op, place in dict.fromkeys(tape.lost.values())]
    ends += [f"a followed value was read as a NumPy array at {place}" for place in dict.fromkeys(tape.exits)]
    return "".join(f"; {end}" for end in ends[:most])


def _cut(place):
    return f"the op {place[0]} at {place[1]} has no gradient" if place else ""


def _not_followed(tape, source, is_variable, watches_variables):
    if not is_variable:
        return (
            f"the source is a tensor that the tape opened at {tape.opened_at} does not follow: "
            "call tape.watch(source) inside the tape, before it is used"
        )
    if not source.trainable:
        return f"the source {source.name} is not trainable: call tape.watch(source), or create it with trainable=True"
    if not watches_variables:
        return f"the tape was made with watch_accessed_variables=False: call tape.watch(source) for {source.name}"
    return f"the variable {source.name} was not read inside the tape opened at {tape.opened_at}"
