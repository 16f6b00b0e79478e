"""Why a gradient is None, in words."""

from typing import NamedTuple

from microdl.core.backprop import reachable


class Cut(NamedTuple):
    """What ran on followed values and was not recorded: no gradient leads from the outputs back to the inputs."""

    position: int  # number of Nodes that the tape had recorded by then
    input_ids: tuple  # uids
    output_ids: tuple  # uids, also of variables written to
    cause: str  # empty where nothing is lost but what was lost before


class Walk(NamedTuple):
    """What remains of a call of ``gradient``: if the tape is not persistent, its Nodes are gone by then."""

    links: list  # (input uids, output uids) of each Node
    target_ids: set  # uids
    without: set  # uids of the sources whose gradient was None
    refusals: list  # texts: ops whose gradient gave None for an input


def explain(tape, target, source, walk):
    """The first cause that applies, of those that cut a path from ``source`` to ``target`` on ``tape``."""
    lost = _lost_from(source, walk.links, tape.cuts)
    if not target.dtype.is_floating:
        text = f"the target has dtype {target.dtype.name}; only floating tensors have gradients"
        return f"{text} ({lost[target.uid]})" if lost.get(target.uid) else text
    if not source.dtype.is_floating:
        return f"the source has dtype {source.dtype.name}; only floating tensors have gradients: use tf.cast first"
    if target.uid == source.uid:
        return "the gradient is not None: the target is the source"
    if not tape.follows((source,)):
        return _not_followed(tape, source)
    if target.uid in reachable(walk.links, [source.uid]):
        if target.uid in walk.target_ids and source.uid in walk.without and walk.refusals:
            return f"the path from source to target is cut: {walk.refusals[0]}"
        return "the gradient is not None: recorded ops lead from the source to the target"
    if lost.get(target.uid):
        return f"the path from source to target is cut: {lost[target.uid]}"
    if tape.follows((target,)):
        text = "the target does not depend on the source: no recorded op leads from one to the other"
    else:
        text = f"the target was not computed from anything that this tape follows (it was opened at {tape.opened_at})"
    return text + _exits(tape, lost)


def _lost_from(source, links, cuts):
    """uid of all that was computed from ``source`` -> the cause for which it has no gradient; empty if it has one."""
    causes = {source.uid: ""}
    steps = [(position, 1, *link, "") for position, link in enumerate(links)]
    steps += [(cut.position, 0, *cut[1:]) for cut in cuts]  # a cut ran before the Node of its position
    for _, _, input_ids, output_ids, cause in sorted(steps, key=lambda step: step[:2]):
        before = [causes[uid] for uid in input_ids if uid in causes]
        if before:
            inherited = "" if "" in before else before[0]
            for uid in output_ids:
                causes.setdefault(uid, inherited or cause)
    return causes


def _exits(tape, causes, most=3):
    """Where values computed from the source left for NumPy, from which a path may have gone on."""
    places = dict.fromkeys(place for uid, place in tape.exits if uid in causes)
    return "".join(f"; a followed value was read as a NumPy array at {place}" for place in list(places)[:most])


def _not_followed(tape, source):
    if hasattr(source, "array"):
        return (
            f"the source is a tensor that the tape opened at {tape.opened_at} does not follow: "
            "call tape.watch(source) inside the tape, before it is used"
        )
    if not source.trainable:
        return f"the source {source.name} is not trainable: call tape.watch(source), or create it with trainable=True"
    if not tape.watches(source):
        return f"the tape was made with watch_accessed_variables=False: call tape.watch(source) for {source.name}"
    if source.uid in tape.paused_reads:
        place = tape.paused_reads[source.uid]
        return f"the variable {source.name} was read at {place}, while the tape was paused, and not when it recorded"
    return f"the variable {source.name} was not read inside the tape opened at {tape.opened_at}"
