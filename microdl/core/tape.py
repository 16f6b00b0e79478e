"""GradientTape: records what is computed from watched tensors, to differentiate it."""

import enum

from microdl.core import nest
from microdl.core.backprop import backpropagate, checked_seed, links
from microdl.core.context import context, user_location, warn
from microdl.core.deferred import Replayed, reads_sizes
from microdl.core.explain import Cut, Walk, explain
from microdl.core.jacobian import batch_jacobian, jacobian
from microdl.core.tensor import Operand, apply, convert


class UnconnectedGradients(enum.Enum):
    """What ``gradient`` gives for a source that does not reach the target: None, or zeros."""

    NONE = "none"
    ZERO = "zero"


_NOT_FOLLOWED = -1  # a uid that no tensor has


class GradientTape(Replayed):
    """Records ops for automatic differentiation.

    Args:
        persistent: allow several calls of ``gradient``; the tape then keeps its values until it is deleted.
        watch_accessed_variables: follow every trainable Variable that is read while recording.

    >>> x = Variable(3.0)
    >>> with GradientTape() as tape:
    ...     y = x * x
    >>> tape.gradient(y, x).numpy().item()
    6.0
    """

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self._persistent, self._watch_accessed = persistent, watch_accessed_variables
        self._recording = self._started = False
        self.reset()

    def reset(self):
        """Forgets everything recorded and watched; gradients can be asked for again."""
        self._used = False
        self._nodes = []
        self.followed = set()  # uids of what is watched and of what was computed from it
        self._variables = {}  # uid -> Variable, in the order of first access
        self._walk = None  # what the last call of ``gradient`` left behind
        self.lost = set()  # uids of what came of followed values after an op that has no gradient
        self.cuts = []  # Cuts, in the order in which they ran
        self.exits = []  # (uid, file:line) where a followed value was read as a NumPy array
        self.paused_reads = {}  # uid -> file:line where a variable was read while recording was stopped
        self.opened_at = user_location()

    def __enter__(self):
        if self._recording:
            raise ValueError("this tape is recording already")
        self.opened_at = user_location()
        self._start()
        return self

    def __exit__(self, *error):
        if self._recording:
            self._stop()

    def _start(self):
        if self._started:
            self._begin_anew()
        self._started = True
        context.tapes += (self,)
        self._recording = True

    @reads_sizes
    def _begin_anew(self):
        """A tape that has given its gradients begins anew when it records again."""
        if self._used and not self._persistent:
            self.reset()

    def _stop(self):
        context.tapes = tuple(tape for tape in context.tapes if tape is not self)
        self._recording = False

    def twin(self, value):
        tape = GradientTape(self._persistent, self._watch_accessed)
        tape._recording = True
        return tape

    @reads_sizes
    def watch(self, tensor):
        """Follows ``tensor``: a Tensor or Variable, or a nested structure of them, of a floating dtype.

        Integer and bool tensors have no gradient: there is a warning, and theirs is None.

        Raises: ValueError for other things.
        """
        for x in nest.flatten(tensor):
            _check_operand("watch", x, ValueError)
            if not x.dtype.is_floating:
                warn(f"tape.watch: a tensor must be floating to have a gradient, got dtype {x.dtype.name}; use tf.cast")
                continue
            self.followed.add(x.uid)
            if not hasattr(x, "array"):
                self._variables.setdefault(x.uid, x)

    def watched_variables(self):
        """The Variables followed so far, in the order in which they were made."""
        graph = context.graph
        twins = graph.twins_of(self) if graph is not None and graph.open else ()
        found = {uid: v for tape in (self, *twins) for uid, v in tape._variables.items()}
        return tuple(found[uid] for uid in sorted(found))

    def stop_recording(self):
        """A context in which this tape records nothing."""
        return _Paused(self)

    # What core.tensor and core.variable tell a recording tape.

    def follows(self, inputs):
        followed = self.followed
        for x in inputs:  # noqa: SIM110 (any() of a generator takes three times as long)
            if x.uid in followed:
                return True
        return False

    def record(self, node, differentiable):
        """Takes a Node up. differentiable: uids of its outputs at which gradients can arrive."""
        if differentiable:
            self.followed.update(differentiable)
            self._nodes.append(node)
        else:
            self.cut(node, f"the op {node.op.name} at {user_location()} has no gradient")

    def cut(self, node, cause):
        written = tuple(node.input_ids[i] for i in node.op.written(len(node.input_ids)))
        self._lose(node.input_ids, node.output_ids + written, cause)

    def pass_on_loss(self, input_ids, outputs):
        if not self.lost.isdisjoint(input_ids):
            self._lose(input_ids, tuple(y.uid for y in outputs), "")

    def _lose(self, input_ids, output_ids, cause):
        self.lost.update(output_ids)
        self.cuts.append(Cut(len(self._nodes), input_ids, output_ids, cause))

    def note_exit(self, tensor):
        if tensor.uid in self.followed:
            self.exits.append((tensor.uid, user_location()))

    def variable_read(self, variable):
        if self.watches(variable):
            self.followed.add(variable.uid)
            self._variables.setdefault(variable.uid, variable)

    def watches(self, variable):
        return self._watch_accessed and variable.trainable

    # Differentiation.

    @reads_sizes
    def gradient(self, target, sources, output_gradients=None, unconnected_gradients="none"):
        """Gradients of ``target`` (summed, if it has several elements) with respect to ``sources``.

        Args:
            target: Tensor or Variable, or a nested structure of them, whose gradients are added up.
            sources: Tensors and Variables, one or a nested structure.
            output_gradients: a Tensor for each target, of its shape: the gradient of what comes after it. None: ones.
            unconnected_gradients: "none" gives None, "zero" gives zeros where a source does not reach the target.

        Returns: a structure like ``sources``. ``explain`` says why an entry is None.

        Raises:
            RuntimeError: on the second call, unless the tape is persistent.
        """
        if self._used and not self._persistent:
            raise RuntimeError("GradientTape.gradient can only be called once on non-persistent tapes.")
        zero = _wants_zeros(unconnected_gradients)
        targets, flat_sources = nest.flatten(target), nest.flatten(sources)
        for role, operands in (("target", targets), ("source", flat_sources)):
            for x in operands:
                _check_operand(f"gradient: a {role}", x)
        seeds = [None] * len(targets) if output_gradients is None else nest.flatten(output_gradients)
        if len(seeds) != len(targets):
            raise ValueError(f"gradient: {len(seeds)} output_gradients were given for {len(targets)} targets")
        seeds = [checked_seed(y, seed) for y, seed in zip(targets, seeds, strict=True)]
        if self._recording and not self._persistent:
            self._stop()
        self._used = True
        target_ids, refusals = {y.uid for y in targets}, []
        links_before = [] if self._persistent else links(self._nodes)
        connected = [(convert(x), seed) for x, seed in zip(targets, seeds, strict=True) if x.dtype.is_floating]
        gradients = backpropagate(
            list(self._nodes) if self._persistent else self._nodes,  # this tape may record the walk itself
            [x for x, _ in connected],
            [x.uid if x.uid in self.followed or x.uid in target_ids else _NOT_FOLLOWED for x in flat_sources],
            [seed for _, seed in connected],
            release=not self._persistent,
            refusals=refusals,
        )
        without = {x.uid for x, gradient in zip(flat_sources, gradients, strict=True) if gradient is None}
        self._walk = Walk(links_before, target_ids, without, refusals)
        if zero:
            gradients = [
                apply("ZerosLike", convert(x)) if g is None else g for x, g in zip(flat_sources, gradients, strict=True)
            ]
        return nest.pack_as(sources, gradients)

    @reads_sizes
    def jacobian(
        self,
        target,
        sources,
        unconnected_gradients="none",
        parallel_iterations=None,
        experimental_use_pfor=True,
    ):
        """d target[i] / d source[j]: a Tensor of shape target.shape + source.shape for each of ``sources``.

        One walk back for each element of ``target``. Arguments as for ``gradient``; parallel_iterations and
        experimental_use_pfor are accepted for TensorFlow's sake.
        """
        zero = _wants_zeros(unconnected_gradients)
        flat_sources = nest.flatten(sources)
        nodes, ids = self._for_rows("jacobian", target, flat_sources)
        found = jacobian(nodes, target, flat_sources, ids)
        if zero:
            found = [
                apply("Fill", shape=(*target.shape, *x.shape), value=0, dtype=x.dtype) if dx is None else dx
                for x, dx in zip(flat_sources, found, strict=True)
            ]
        return nest.pack_as(sources, found)

    @reads_sizes
    def batch_jacobian(
        self,
        target,
        source,
        unconnected_gradients="none",
        parallel_iterations=None,
        experimental_use_pfor=True,
    ):
        """d target[b, i] / d source[b, j]: a Tensor of shape target.shape + source.shape[1:]; zeros without a path.

        Row b of ``target`` must depend on row b of ``source`` alone. One walk back for each element of a row.
        Arguments as for ``jacobian``.
        """
        nodes, (source_id,) = self._for_rows("batch_jacobian", target, [source])
        if not target.ndim or not source.ndim or target.shape[0] != source.shape[0]:
            raise ValueError(
                f"Need first dimension of target shape ({target.shape}) and source shape ({source.shape}) to match."
            )
        return batch_jacobian(nodes, target, source, source_id)

    def _for_rows(self, method, target, sources):
        """The Nodes for several walks from one target, and the uids of the sources; the tape is used then."""
        if self._used and not self._persistent:
            raise RuntimeError(
                f"A non-persistent GradientTape can only be used to compute one set of gradients ({method})."
            )
        for role, x in (("target", target), *(("source", x) for x in sources)):
            _check_operand(f"{method}: a {role}", x)
        if self._recording and not self._persistent:
            self._stop()
        self._used = True
        nodes = list(self._nodes)
        if not self._persistent:
            self._nodes.clear()
        return nodes, [x.uid if x.uid in self.followed or x.uid == target.uid else _NOT_FOLLOWED for x in sources]

    def explain(self, target, source):
        """Why ``gradient(target, source)`` is None: the cause, and the file and line of it. Or that it is not None.

        Args: target: Tensor or Variable. source: the same, or a nested structure of them.

        Returns: str, for several sources a structure of them like ``source``.
        """
        for x in (target, *nest.flatten(source)):
            _check_operand("explain", x)
        return nest.pack_as(source, [self._explain(target, x) for x in nest.flatten(source)])

    def _explain(self, target, source):
        walk = self._walk
        if walk is None or self._persistent:  # try it: a custom gradient may give None
            walk = Walk(links(self._nodes), {target.uid}, set(), [])
            if self.follows((source,)) and target.dtype.is_floating:
                tapes, context.tapes = context.tapes, ()
                try:
                    (gradient,) = backpropagate(
                        list(self._nodes), [convert(target)], [source.uid], [None], refusals=walk.refusals
                    )
                finally:
                    context.tapes = tapes
                walk.without.update(() if gradient is not None else (source.uid,))
        return explain(self, target, source, walk)


class _Paused(Replayed):
    """``with tape.stop_recording():``. In the tape's place it hears what runs meanwhile, for explanations alone."""

    def __init__(self, tape):
        self._tape = tape

    def twin(self, value):
        return _Paused(value(self._tape))

    def __enter__(self):
        if not self._tape._recording:
            raise RuntimeError("stop_recording: the tape is not recording")
        self._tape._stop()
        context.tapes += (self,)

    def __exit__(self, *error):
        context.tapes = tuple(tape for tape in context.tapes if tape is not self)
        self._tape._start()

    @property
    def lost(self):
        return self._tape.lost

    @property
    def followed(self):
        return self._tape.followed.union(self._tape.paused_reads)

    def follows(self, inputs):
        return not self.followed.isdisjoint(x.uid for x in inputs)

    def record(self, node, differentiable):
        self._tape.cut(node, f"the op {node.op.name} at {user_location()} ran while the tape was paused")

    def pass_on_loss(self, input_ids, outputs):
        self._tape.pass_on_loss(input_ids, outputs)

    def note_exit(self, tensor):
        self._tape.note_exit(tensor)

    def variable_read(self, variable):
        if self._tape.watches(variable):
            self._tape.paused_reads.setdefault(variable.uid, user_location())


def _check_operand(where, x, error=TypeError):
    if not isinstance(x, Operand):
        raise error(f"{where}: a tf.Tensor or tf.Variable is expected, got {x!r} of type {type(x).__name__}")


def _wants_zeros(unconnected_gradients):
    choice = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower()
    if choice not in ("none", "zero"):
        raise ValueError(f'gradient: unconnected_gradients must be "none" or "zero", got {unconnected_gradients!r}')
    return choice == "zero"
