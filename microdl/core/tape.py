"""GradientTape: records what is computed from watched tensors, to differentiate it."""

from microdl.core import nest
from microdl.core.backprop import backpropagate
from microdl.core.context import context, user_location
from microdl.core.explain import explain
from microdl.core.tensor import Operand, apply, convert

_NOT_FOLLOWED = -1  # a uid that no tensor has


class GradientTape:
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
        self._recording = False
        self.reset()

    def reset(self):
        """Forgets everything recorded and watched; gradients can be asked for again."""
        self._used = False
        self._nodes = []
        self._followed = set()  # uids of what is watched and of what was computed from it
        self._variables = {}  # uid -> Variable, in the order of first access
        self.lost = {}  # uid -> (op, file:line) that has no gradient: what came of followed values there, and after
        self.exits = []  # file:line where a followed value was read as a NumPy array
        self._explanations = {}  # (target uid, source uid) -> why that gradient was None
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
        if self._used and not self._persistent:
            self.reset()
        context.tapes += (self,)
        self._recording = True

    def _stop(self):
        context.tapes = tuple(tape for tape in context.tapes if tape is not self)
        self._recording = False

    def watch(self, tensor):
        """Follows ``tensor``: a Tensor or Variable, or a nested structure of them, of a floating dtype.

        Raises: TypeError for other things. ValueError for integer and bool tensors, which have no gradient.
        """
        for x in nest.flatten(tensor):
            _check_operand("watch", x)
            if not x.dtype.is_floating:
                raise ValueError(
                    f"tape.watch: a tensor must be floating to have a gradient, got dtype {x.dtype.name}; use tf.cast"
                )
            self._followed.add(x.uid)
            if not hasattr(x, "array"):
                self._variables.setdefault(x.uid, x)

    def watched_variables(self):
        """The Variables followed so far, in the order of their first use."""
        return tuple(self._variables.values())

    def stop_recording(self):
        """A context in which this tape records nothing."""
        return _Paused(self)

    # What core.tensor and core.variable tell a recording tape.

    def follows(self, inputs):
        followed = self._followed
        return any(x.uid in followed for x in inputs)

    def record(self, node):
        followed = [uid for uid, y in zip(node.output_ids, node.outputs, strict=True) if y.dtype.is_floating]
        if node.op.gradient is None or not followed:
            place = (node.op.name, user_location())
            self.lost.update((uid, place) for uid in node.output_ids)
        else:
            self._nodes.append(node)
            self._followed.update(followed)

    def pass_on_loss(self, inputs, outputs):
        for x in inputs:
            if x.uid in self.lost:
                self.lost.update((y.uid, self.lost[x.uid]) for y in outputs)
                return

    def note_exit(self, tensor):
        if tensor.uid in self._followed:
            self.exits.append(user_location())

    def variable_read(self, variable):
        if self._watch_accessed and variable.trainable:
            self._followed.add(variable.uid)
            self._variables.setdefault(variable.uid, variable)

    # Differentiation.

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
        if self._recording and not self._persistent:
            self._stop()
        self._used = True
        connected = [(convert(x), seed) for x, seed in zip(targets, seeds, strict=True) if x.dtype.is_floating]
        gradients = backpropagate(
            list(self._nodes) if self._persistent else self._nodes,  # this tape may record the walk itself
            [x for x, _ in connected],
            [x.uid if x.uid in self._followed else _NOT_FOLLOWED for x in flat_sources],
            [seed for _, seed in connected],
            release=not self._persistent,
        )
        for x, gradient in zip(flat_sources, gradients, strict=True):
            if gradient is None:
                for y in targets:
                    self._explanations[y.uid, x.uid] = explain(self, y, x, self._followed, self._watch_accessed)
        if zero:
            gradients = [
                apply("ZerosLike", convert(x)) if g is None else g for x, g in zip(flat_sources, gradients, strict=True)
            ]
        return nest.pack_as(sources, gradients)

    def explain(self, target, source):
        """Why the last ``gradient(target, source)`` was None: the cause, and the file and line of it."""
        for x in (target, source):
            _check_operand("explain", x)
        text = self._explanations.get((target.uid, source.uid))
        if text is None:
            text = explain(self, target, source, self._followed, self._watch_accessed)
        return text


class _Paused:
    """``with tape.stop_recording():``"""

    def __init__(self, tape):
        self._tape = tape

    def __enter__(self):
        if not self._tape._recording:
            raise ValueError("stop_recording: the tape is not recording")
        self._tape._stop()

    def __exit__(self, *error):
        self._tape._start()


def _check_operand(where, x):
    if not isinstance(x, Operand):
        raise TypeError(f"{where}: a tf.Tensor or tf.Variable is expected, got {x!r} of type {type(x).__name__}")


def _wants_zeros(unconnected_gradients):
    choice = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower()
    if choice not in ("none", "zero"):
        raise ValueError(f'gradient: unconnected_gradients must be "none" or "zero", got {unconnected_gradients!r}')
    return choice == "zero"
