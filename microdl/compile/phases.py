"""Which part of a training step each Node of a plan belongs to: forward, backward or optimizer."""

PHASES = ("forward", "backward", "optimizer")


def phases_of(nodes):
    """The phase of each Node, in order.

    A Node that was traced says so itself. One that a pass made has the latest phase of those it takes its inputs from:
    what reads a gradient is no part of the forward pass. Ops named for a gradient are not either.
    """
    made, found = {}, []
    for node in nodes:
        phase = node.phase
        if phase is None:
            ranks = [made.get(id(x), 0) for x in node.inputs] + [int("Grad" in node.op.name)]
            phase = PHASES[max(ranks)]
        found.append(phase)
        made.update((id(y), PHASES.index(phase)) for y in node.outputs)
    return found
