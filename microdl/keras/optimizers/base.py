"""What all optimizers share: the learning rate, the step counter, slots, clipping, and decoupled weight decay."""

import numbers
import re
from typing import Any

import numpy as np

from microdl.core import nest
from microdl.core.context import in_phase, warn
from microdl.core.dtypes import float32
from microdl.core.errors import InvalidArgumentError
from microdl.core.placement import beside
from microdl.core.tape import GradientTape
from microdl.core.tensor import apply, convert
from microdl.core.trackable import Trackable, made
from microdl.core.variable import Variable
from microdl.keras.naming import unique_name
from microdl.keras.optimizers import schedules
from microdl.keras.optimizers.checks import kind, refuse_unknown_arguments
from microdl.ops import array, clip, control, math as functions, state as state  # apply finds the updates by name


class Optimizer(Trackable):
    """Base class. A rule of one's own overrides ``update_step``, and ``build`` if it keeps slots (state per variable).

    Args:
        learning_rate: float > 0, a ``LearningRateSchedule``, or a function without arguments.
        weight_decay: None, or float: each step first shrinks a variable by learning_rate * weight_decay of its value.
        clipnorm: None, or float: largest Euclidean norm of each gradient.
        clipvalue: None, or float: largest absolute value of each gradient element.
        global_clipnorm: None, or float: largest Euclidean norm of all gradients together. One of the three at most.
        name: str, or None for one made from the class.
        use_ema: whether to keep a running mean of each variable, ``ema_momentum`` its weight of the past. Every
            ``ema_overwrite_frequency`` steps, and at the end of ``fit``, variables become their means.
        gradient_accumulation_steps: None, or int n: gradients are added up, and every n-th call takes a step with their
            mean.

    Attributes:
        iterations: int64 Variable, the number of steps taken.
        learning_rate: float32 Variable (set it to change it), or what the schedule says for this step.
        variables: list of all Variables: iterations, learning rate, slots.
    """

    def __init__(
        self,
        learning_rate=0.01,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        gradient_accumulation_steps=None,
        **unknown,
    ):
        refuse_unknown_arguments(type(self), unknown)
        if sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                f"{type(self).__name__}: only one of clipnorm, clipvalue and global_clipnorm can be set, got "
                f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"{type(self).__name__}: ema_momentum must be in [0, 1], got {ema_momentum}")
        for what, steps in (("ema_overwrite", ema_overwrite_frequency), ("gradient", gradient_accumulation_steps)):
            if steps is not None and (not isinstance(steps, int) or steps < 1 + (what == "gradient")):
                argument = {"gradient": "gradient_accumulation_steps"}.get(what, "ema_overwrite_frequency")
                raise ValueError(f"{type(self).__name__}: {argument} must be an integer > {int(what == 'gradient')}")
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.name = name or unique_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.built = False
        self.iterations = Variable(np.int64(0), trainable=False, name=f"{self.name}/iteration")
        self._learning_rate = self._checked_rate(learning_rate)
        self._slots = []
        self._why = None  # within ``minimize``: a variable -> why it has no gradient
        self._trainable_variables = []  # those that it was built with
        self._index = {}  # a variable's uid -> its place in that list
        self._decay_excluded, self._decay_pattern = frozenset(), None

    def _checked_rate(self, rate):
        if isinstance(rate, numbers.Real):
            return Variable(np.float32(rate), trainable=False, name=f"{self.name}/learning_rate")
        if callable(rate) or isinstance(rate, Variable):
            return rate
        raise ValueError(
            f"{type(self).__name__}: learning_rate must be a float, a LearningRateSchedule or a function, got {rate!r}"
        )

    @property
    def learning_rate(self):
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        if isinstance(self._learning_rate, schedules.LearningRateSchedule):
            return self._learning_rate(self.iterations)
        return self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, value):
        if isinstance(self._learning_rate, Variable) and not callable(value):
            self._learning_rate.assign(value)
        elif isinstance(self._learning_rate, schedules.LearningRateSchedule) and not callable(value):
            raise TypeError(
                f"{self.name} was made with a LearningRateSchedule, so its learning rate cannot be set to {value!r}; "
                "make the optimizer with a float to set it later"
            )
        else:
            self._learning_rate = self._checked_rate(value)

    lr = learning_rate

    @property
    def variables(self):
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        return [self.iterations, *rate, *self._slots]

    def _trackables(self):
        """The attributes but the variables that it updates, which are not its own; the rules' names for slots first."""
        own = {name.lstrip("_"): value for name, value in vars(self).items() if name != "_trainable_variables"}
        slots = own.pop("slots")
        return {**own, "slots": slots}

    # Slots.

    def build(self, variables):
        """Makes the slots for ``variables``, all that this optimizer will ever update. Called by the first step."""
        self._trainable_variables = list(variables)
        averaged = variables if self.use_ema else []
        self._averages_of_variables = self.add_optimizer_variables(averaged, "average")
        self._accumulating = self.add_optimizer_variables(
            variables if self.gradient_accumulation_steps else [], "gradient_accumulator"
        )
        if self.gradient_accumulation_steps:
            self._calls = Variable(np.int64(0), trainable=False, name=f"{self.name}/calls")
            self._slots.append(self._calls)
        self._index = {variable.uid: i for i, variable in enumerate(variables)}
        self.built = True

    def add_optimizer_variables(self, variables, names, initializer: Any = "zeros"):
        """Slots, one for each variable.

        Args:
            names: str, or a list of them for several kinds of slots. initializer: what they start with, see
                ``add_variable_from_reference``; one for all kinds, or a list.

        Returns: a list of Variables, or one such list for each name.
        """
        kinds = [names] if isinstance(names, str) else names
        starts = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(kinds)
        pairs = list(zip(kinds, starts, strict=True))
        rows = [[self.add_variable_from_reference(v, kind, start) for kind, start in pairs] for v in variables]
        columns = [[row[k] for row in rows] for k in range(len(kinds))]
        return columns[0] if isinstance(names, str) else columns

    def add_variable_from_reference(self, reference_variable, name, initializer: Any = "zeros"):
        """One slot with the shape, dtype and device of ``reference_variable``.

        initializer: "zeros", "ones" or a number.
        """
        value = {"zeros": 0, "ones": 1}[initializer] if isinstance(initializer, str) else initializer
        start = np.full(tuple(reference_variable.shape), value, reference_variable.dtype.as_numpy_dtype)
        label = re.sub(r"[/:]", "_", reference_variable.name.removesuffix(":0"))
        with beside(reference_variable):
            slot = Variable(start, trainable=False, name=f"{self.name}/{label}_{name}")
        self._slots.append(slot)
        return slot

    def __setstate__(self, state):
        """A copy (``copy.deepcopy`` of a model, a pickle) has variables of its own, whose uids are others."""
        self.__dict__.update(state)
        self._index = {variable.uid: i for i, variable in enumerate(self._trainable_variables)}

    def _get_variable_index(self, variable):
        """Place of ``variable`` in the lists that ``add_optimizer_variables`` gave."""
        return self._index[variable.uid]

    # One step.

    def apply_gradients(self, grads_and_vars, name=None):
        """Updates each variable by its gradient.

        Args:
            grads_and_vars: pairs (gradient, variable). A gradient of None is skipped with a warning.

        Returns: ``iterations``, now one higher.

        Raises:
            ValueError: if every gradient is None, a gradient has another shape than its variable, or a variable is none
                of those that the first call had. TypeError: for something else than pairs.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(
                f"{self.name}: apply_gradients takes pairs, apply_gradients(zip(gradients, variables)); "
                "two lists go to apply(gradients, variables)"
            )
        return self._apply(grads_and_vars)

    def apply(self, grads, trainable_variables=None):
        """Updates variables by their gradients, as ``apply_gradients`` does.

        Args:
            grads: list of gradients. trainable_variables: list of as many Variables; None for those that the first step
                or ``build`` had.
        """
        grads = list(grads)
        if trainable_variables is None:
            if not self.built:
                raise ValueError(f"{self.name}: apply needs trainable_variables, or build(variables) first")
            trainable_variables = self._trainable_variables
        variables = list(trainable_variables)
        if len(grads) != len(variables):
            raise ValueError(f"{self.name}: apply got {len(grads)} gradients for {len(variables)} variables")
        self._apply(zip(grads, variables, strict=True))

    def minimize(self, loss, var_list, grad_loss=None, name=None, tape=None):
        """Differentiates ``loss`` and takes one step.

        Args:
            loss: a function without arguments that returns it, or a Tensor together with the ``tape`` that recorded it.
            var_list: Variables, or a function that returns them after the loss is computed. grad_loss: gradient of what
                comes after the loss, or None.

        Returns: ``iterations``, now one higher.
        """
        if callable(loss):
            with tape or GradientTape() as tape:
                if not callable(var_list):
                    tape.watch(nest.flatten(var_list))
                loss = loss()
        elif tape is None:
            raise ValueError(
                "minimize: a loss that is a Tensor needs the tape that recorded it (tape=...), or pass a function"
            )
        variables = nest.flatten(var_list() if callable(var_list) else var_list)
        seeds = None if grad_loss is None else [convert(grad_loss, hint=convert(loss).dtype)]
        gradients = tape.gradient(loss, variables, seeds)
        self._why = lambda variable: tape.explain(loss, variable)
        try:
            return self.apply_gradients(zip(gradients, variables, strict=True))
        finally:
            self._why = None

    @in_phase("optimizer")
    def _apply(self, grads_and_vars):
        pairs = [self._pair(item) for item in grads_and_vars]
        variables = [v for _, v in pairs]
        present = self._present(pairs)
        if not self.built:
            self.build(variables)
            made()
        for gradient, variable in present:
            self._check(gradient, variable)
        gradients, variables = [g for g, _ in present], [v for _, v in present]
        if self.gradient_accumulation_steps:
            self._accumulate(gradients, variables)
        else:
            self._step(gradients, variables)
        return self.iterations

    def _step(self, gradients, variables):
        self._update(self._clipped(gradients), variables, convert(self.learning_rate))
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))
        if self.use_ema:
            self._average()
        self.iterations.assign_add(1)

    def _accumulate(self, gradients, variables):
        """Adds gradients up; every n-th call takes a step with their mean and starts anew."""
        sums: list[Any] = self._slots_of(variables, self._accumulating)[0]
        count = self.gradient_accumulation_steps
        for total, gradient in zip(sums, gradients, strict=True):
            total.assign_add(gradient)
        self._calls.assign_add(1)

        def step():
            self._step([total / float(count or 1) for total in sums], variables)
            for total in sums:
                total.assign(array.zeros_like(total))

        control.cond(functions.equal(self._calls % count, 0), step, lambda: None)

    def _average(self):
        """The running means of all variables; the first step starts with their values."""
        past = array.cast(functions.not_equal(self.iterations, 0), float32) * self.ema_momentum
        every = self.ema_overwrite_frequency
        averages: list[Any] = self._averages_of_variables
        for variable, average in zip(self._trainable_variables, averages, strict=True):
            weight = array.cast(past, variable.dtype)
            average.assign(weight * average + (1.0 - weight) * variable)
            if every:
                due = functions.equal((self.iterations + 1) % every, 0)
                variable.assign(array.where(due, average, variable))

    def finalize_variable_values(self, var_list=None):
        """The last thing in training: with ``use_ema``, variables become their running means."""
        if self.use_ema and self.built:
            for variable, average in zip(self._trainable_variables, self._averages_of_variables, strict=True):
                variable.assign(average)

    def _update(self, gradients, variables, rate):
        """Weight decay and ``update_step``, for all variables at once if the rule is one of the framework's."""
        several = len(variables) > 1
        own_rule = type(self).update_step is not Optimizer.update_step
        if several and (own_rule or len({v.uid for v in variables}) < len(variables)):
            for gradient, variable in zip(gradients, variables, strict=True):
                self._update([gradient], [variable], rate)
            return
        if self.weight_decay is not None and (decaying := [v for v in variables if self._decays(v)]):
            self._apply_by_dtype("ResourceApplyWeightDecay", (rate,), [decaying], decay=self.weight_decay)
        if own_rule:
            self.update_step(gradients[0], variables[0], rate)
        else:
            self._update_steps(gradients, variables, rate)

    def _apply_by_dtype(self, op, scalars, lists, **attrs):
        """One op for all variables of a dtype. lists: the variables, what goes with them."""
        inputs = {}
        for group in zip(*lists, strict=True):
            inputs.setdefault(group[0].dtype, list(scalars)).extend(group)
        for arguments in inputs.values():
            apply(op, *arguments, **attrs)

    def _slots_of(self, variables, *kinds):
        """For each kind of slots that the rule keeps, those of ``variables``."""
        places = [self._index[v.uid] for v in variables]
        return [[kind[i] for i in places] for kind in kinds if kind]

    def _pair(self, item: Any):
        """``item`` as (gradient or None, Variable). Raises TypeError if it is something else."""
        wanted = "apply_gradients expects pairs (gradient, variable), as zip(gradients, variables) makes them"
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"{self.name}: {wanted}; got {kind(item)}")
        gradient, variable = item
        if not isinstance(variable, Variable):
            swapped = ": they are swapped" if isinstance(gradient, Variable) else ""
            raise TypeError(
                f"{self.name}: {wanted}, with a tf.Variable second; got ({kind(gradient)}, {kind(variable)}){swapped}"
            )
        return (None if gradient is None else convert(gradient, hint=variable.dtype)), variable

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable. gradient: Tensor of its shape and dtype. learning_rate: scalar Tensor, float32."""
        self._update_steps([gradient], [variable], learning_rate)

    def _update_steps(self, gradients, variables, learning_rate):
        """``update_step`` for several variables; what the framework's own rules define in its place."""
        raise NotImplementedError(f"{type(self).__name__} must define update_step(gradient, variable, learning_rate)")

    def _present(self, pairs):
        """The pairs that have a gradient; warns of the others, and raises if there is none."""
        present = [(g, v) for g, v in pairs if g is not None]
        missing = [v for g, v in pairs if g is None]
        reasons = "".join(f"\n  {v.name}: {self._why(v)}" for v in missing) if self._why else ""
        if not present:
            hint = "" if reasons else " tape.explain(loss, variable) says why a gradient is None."
            raise ValueError(f"No gradients provided for any variable.{hint}{reasons}")
        if missing:
            names = [v.name for v in missing]
            warn(f"Gradients do not exist for variables {names} when minimizing the loss.{reasons}")
        return present

    def _check(self, gradient, variable):
        if variable.uid not in self._index:
            raise ValueError(
                f"{self.name}: unknown variable {variable.name} of shape {variable.shape}. An optimizer updates the "
                f"{len(self._index)} variables of its first step; make a new one for other variables"
            )
        if gradient.spec != variable.spec:
            raise InvalidArgumentError(
                f"{self.name}: variable {variable.name} has shape {variable.shape} and dtype {variable.dtype.name}, "
                f"its gradient has shape {gradient.shape} and dtype {gradient.dtype.name}"
            )

    def _clipped(self, gradients):
        if self.clipnorm:
            return [clip.clip_by_norm(g, self.clipnorm) for g in gradients]
        if self.global_clipnorm:
            return clip.clip_by_global_norm(gradients, self.global_clipnorm)[0]
        if self.clipvalue:
            limit = self.clipvalue
            return [functions.clip_by_value(g, -limit, limit) for g in gradients]
        return gradients

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Leaves variables out of weight decay; before the first step.

        Args:
            var_list: Variables. var_names: regular expressions; a variable is left out if its name contains a match.
        """
        if self.built:
            raise ValueError(f"{self.name}: exclude_from_weight_decay must be called before the first step")
        self._decay_excluded = frozenset(v.uid for v in var_list or ())
        self._decay_pattern = re.compile("|".join(var_names)) if var_names else None

    def decay_exclusions(self, names):
        """What is left out of weight decay, for a file: names of variables, and a pattern or None.

        Args: names: dict from the ids of Variables to names; others are not kept.
        """
        excluded = [v for v in self._trainable_variables if v.uid in self._decay_excluded]
        pattern = self._decay_pattern.pattern if self._decay_pattern else None
        return {"names": [names[id(v)] for v in excluded if id(v) in names], "pattern": pattern}

    def restore_decay_exclusions(self, exclusions, variables):
        """Leaves out what ``decay_exclusions`` gave. variables: dict from names to Variables."""
        patterns = [exclusions["pattern"]] if exclusions["pattern"] else None
        self.exclude_from_weight_decay([variables[name] for name in exclusions["names"]], patterns)

    def _decays(self, variable):
        named = self._decay_pattern is not None and self._decay_pattern.search(variable.name)
        return variable.uid not in self._decay_excluded and not named

    # Configuration.

    def get_config(self):
        """Arguments of ``__init__`` as plain values; the state (steps, slots) is not among them."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        elif isinstance(rate, schedules.LearningRateSchedule):
            rate = schedules.serialize(rate)
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer with this configuration, without any state."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = schedules.deserialize(config["learning_rate"], custom_objects)
        return cls(**config)
