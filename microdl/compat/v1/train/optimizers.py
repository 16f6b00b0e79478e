"""Optimizers of TensorFlow 1: operations that compute gradients and change variables."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from microdl.compat.v1.functions import gradients as graph_gradients
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.scopes import get_variable_scope
from microdl.compat.v1.variables import GraphKeys, Variable, group
from microdl.core.tensor import apply, convert
from microdl.ops import state as state  # apply finds the updates by name


class Optimizer:
    """Base of optimizers: ``minimize`` = ``compute_gradients``, then ``apply_gradients``.

    A subclass has ``slots``, the names of what it keeps for each variable with the value that they start from, and
    ``_update``, the calls that change the variables; they run whenever the operation does.
    """

    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2
    slots: Mapping[str, float] = MappingProxyType({})

    def __init__(self, learning_rate, name):
        self._learning_rate, self._name = learning_rate, name
        self._slots = {}  # (name of the slot, variable) -> Variable

    def get_name(self):
        return self._name

    def minimize(
        self,
        loss,
        global_step=None,
        var_list=None,
        gate_gradients=GATE_OP,
        aggregation_method=None,
        colocate_gradients_with_ops=False,
        name=None,
        grad_loss=None,
    ):
        """An Operation that changes ``var_list`` (by default all trainable variables) so that ``loss`` becomes smaller.

        global_step: a Variable to which it adds 1. Raises: ValueError if no variable has a gradient.
        """
        pairs = self.compute_gradients(loss, var_list, grad_loss=grad_loss)
        if all(gradient is None for gradient, _ in pairs):
            raise ValueError(
                f"No gradients provided for any variable, check your graph for ops that do not support gradients, "
                f"between variables {[str(v) for _, v in pairs]} and loss {loss}."
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss,
        var_list=None,
        gate_gradients=GATE_OP,
        aggregation_method=None,
        colocate_gradients_with_ops=False,
        grad_loss=None,
    ):
        """A list of pairs (gradient Tensor or None, Variable)."""
        if var_list is None:
            var_list = get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES)
        if not var_list:
            raise ValueError("No variables to optimize.")
        return list(zip(graph_gradients(loss, list(var_list), grad_loss), var_list, strict=True))

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """An Operation that changes the variables by their gradients. global_step: a Variable to which it adds 1."""
        pairs = [(gradient, v) for gradient, v in grads_and_vars if gradient is not None]
        if not pairs:
            raise ValueError(f"No gradients provided for any variable: {[str(v) for _, v in grads_and_vars]}.")
        graph = pairs[0][1].graph
        with graph.entered():
            powers = self._powers()
            with graph.name_scope(None):
                slots = [[self._slot(kind, v) for kind in self.slots] for _, v in pairs]
            updates = []
            for dtype in dict.fromkeys(v.dtype for _, v in pairs):
                chosen = [i for i, (_, v) in enumerate(pairs) if v.dtype is dtype]
                variables = [pairs[i][1] for i in chosen]
                arguments = [pairs[i][0] for i in chosen], variables, [slots[i] for i in chosen]
                with graph.naming(f"{self._name}/update"):
                    graph.defer(self._updated, (*arguments, self._numbers(), powers), {})
                updates.append(graph.calls[-1])
            with graph.control_dependencies(updates), graph.name_scope(f"{graph.unique_name(self._name, False)}/"):
                updates += self._advance()
            if global_step is not None:
                with graph.control_dependencies(updates):
                    updates = [global_step.assign_add(np.asarray(1, global_step.dtype.as_numpy_dtype)).op]
            return group(*updates, name=name or self._name)

    def _powers(self):
        """Variables besides those for each variable."""
        return []

    def _advance(self):
        """Operations that change ``_powers`` after a step."""
        return []

    def _slot(self, kind, variable):
        key = kind, variable
        if key not in self._slots:
            name = variable.name.removesuffix(":0")
            start = np.full(variable.spec.shape, self.slots[kind], variable.dtype.as_numpy_dtype)
            scope = get_variable_scope().name  # TensorFlow puts it before the name, in which it is already
            self._slots[key] = Variable(start, trainable=False, name=f"{scope}/{name}/{self._name}".lstrip("/"))
        return self._slots[key]

    def get_slot(self, var, name):
        """The Variable that is kept for ``var`` under ``name``; None if there is none."""
        return self._slots.get((name, var))

    def get_slot_names(self):
        return list(self.slots)

    def variables(self):
        return [*self._powers(), *self._slots.values()]

    def _numbers(self):
        """The learning rate, and other numbers that may be Tensors."""
        return [self._learning_rate() if callable(self._learning_rate) else self._learning_rate]

    def _update(self, gradients, variables, slots, numbers, powers):
        """Changes core Variables of one dtype.

        Args:
            gradients: Tensors. variables, slots: for each of them the Variable, and the list of what is kept for it.
            numbers: scalar Tensors of that dtype, as ``_numbers`` says. powers: Variables, as ``_powers`` says.
        """
        raise NotImplementedError

    def _updated(self, gradients, variables, slots, numbers, powers):
        dtype = variables[0].dtype
        numbers = [_scalar(x, dtype) for x in numbers]
        self._update(list(map(convert, gradients)), variables, slots, numbers, powers)
        for v in variables:
            if v.constraint is not None:
                v.assign(v.constraint(v.read()))


def _scalar(value, dtype):
    return apply("Cast", convert(value), dtype=dtype) if hasattr(value, "spec") else convert(float(value), dtype)


class GradientDescentOptimizer(Optimizer):
    """``v -= learning_rate * g``"""

    def __init__(self, learning_rate, use_locking=False, name="GradientDescent"):
        super().__init__(learning_rate, name)

    def _update(self, gradients, variables, slots, numbers, powers):
        grouped = [x for pair in zip(variables, gradients, strict=True) for x in pair]
        apply("ResourceApplyGradientDescent", *numbers, *grouped)


class MomentumOptimizer(Optimizer):
    """``a = momentum * a + g``; ``v -= learning_rate * a``. Nesterov: ``v -= learning_rate * (g + momentum * a)``."""

    slots = MappingProxyType({"momentum": 0.0})

    def __init__(self, learning_rate, momentum, use_locking=False, name="Momentum", use_nesterov=False):
        super().__init__(learning_rate, name)
        self._momentum, self._nesterov = momentum, use_nesterov

    def _numbers(self):
        return [*super()._numbers(), self._momentum]

    def _update(self, gradients, variables, slots, numbers, powers):
        rate, momentum = numbers
        for g, v, (speed,) in zip(gradients, variables, slots, strict=True):
            new = momentum * speed + g
            speed.assign(new)
            v.assign_sub(rate * (g + momentum * new) if self._nesterov else rate * new)


class AdagradOptimizer(Optimizer):
    """``a += g^2``; ``v -= learning_rate * g / sqrt(a)``: Duchi, Hazan and Singer, 2011."""

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False, name="Adagrad"):
        super().__init__(learning_rate, name)
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        self.slots = {"accumulator": initial_accumulator_value}

    def _update(self, gradients, variables, slots, numbers, powers):
        (rate,) = numbers
        for g, v, (total,) in zip(gradients, variables, slots, strict=True):
            new = total + g * g
            total.assign(new)
            v.assign_sub(rate * g * apply("Rsqrt", new))


class AdadeltaOptimizer(Optimizer):
    """Steps in the units of ``v``: ``d = sqrt(u + eps) / sqrt(a + eps) * g`` with running means a of g^2, u of d^2.

    Zeiler, 2012.
    """

    slots = MappingProxyType({"accum": 0.0, "accum_update": 0.0})

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False, name="Adadelta"):
        super().__init__(learning_rate, name)
        self._rho, self._epsilon = rho, epsilon

    def _numbers(self):
        return [*super()._numbers(), self._rho, self._epsilon]

    def _update(self, gradients, variables, slots, numbers, powers):
        rate, rho, epsilon = numbers
        for g, v, (squares, updates) in zip(gradients, variables, slots, strict=True):
            mean = rho * squares + (1.0 - rho) * g * g
            change = apply("Sqrt", updates + epsilon) * apply("Rsqrt", mean + epsilon) * g
            squares.assign(mean)
            updates.assign(rho * updates + (1.0 - rho) * change * change)
            v.assign_sub(rate * change)


class RMSPropOptimizer(Optimizer):
    """``a`` follows g^2; ``m = momentum * m + learning_rate * g / sqrt(a + epsilon)``; ``v -= m``.

    centered: the variance of g (a minus the square of its running mean) in the place of a. Hinton, 2012.
    """

    def __init__(
        self,
        learning_rate,
        decay=0.9,
        momentum=0.0,
        epsilon=1e-10,
        use_locking=False,
        centered=False,
        name="RMSProp",
    ):
        super().__init__(learning_rate, name)
        self._others, self._centered = [decay, momentum, epsilon], centered
        self.slots = {"rms": 1.0, **({"mg": 0.0} if centered else {}), "momentum": 0.0}

    def _numbers(self):
        return [*super()._numbers(), *self._others]

    def _update(self, gradients, variables, slots, numbers, powers):
        rate, decay, momentum, epsilon = numbers
        for g, v, (squares, *mean, speed) in zip(gradients, variables, slots, strict=True):
            new = squares + (1.0 - decay) * (g * g - squares)
            squares.assign(new)
            if mean:
                centre = mean[0] + (1.0 - decay) * (g - mean[0])
                mean[0].assign(centre)
                new = new - centre * centre
            change = momentum * speed + rate * g * apply("Rsqrt", new + epsilon)
            speed.assign(change)
            v.assign_sub(change)


class AdamOptimizer(Optimizer):
    """Steps from running means of g and of g^2: Kingma and Ba, 2015, with epsilon outside of the correction.

    ``m += (1 - beta1) (g - m)``, ``u += (1 - beta2) (g^2 - u)``, ``v -= alpha * m / (sqrt(u) + epsilon)``,
    ``alpha = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)``, the powers being kept in variables.
    """

    slots = MappingProxyType({"m": 0.0, "v": 0.0})

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam"):
        super().__init__(learning_rate, name)
        self._betas, self._epsilon = (float(beta1), float(beta2)), float(epsilon)
        self._kept = [
            1 - float(np.float32(1) - np.float32(beta)) for beta in self._betas
        ]  # TensorFlow counts in float32
        self._beta_powers = []

    def _powers(self):
        if not self._beta_powers:
            named = zip(("beta1_power", "beta2_power"), self._betas, strict=True)
            self._beta_powers = [Variable(np.float32(beta), trainable=False, name=name) for name, beta in named]
        return self._beta_powers

    def _update(self, gradients, variables, slots, numbers, powers):
        (rate,), (beta1, beta2) = numbers, self._kept
        power1, power2 = (apply("Cast", convert(power), dtype=rate.dtype) for power in powers)
        # The op's own correction, here always that of the first step, is taken out again.
        first = (1 - beta2) ** 0.5 / (1 - beta1)
        alpha = rate * apply("Sqrt", 1.0 - power2) / ((1.0 - power1) * first)
        grouped = [x for g, v, kept in zip(gradients, variables, slots, strict=True) for x in (v, *kept, g)]
        options = {"beta_1": beta1, "beta_2": beta2, "epsilon": self._epsilon}
        apply("ResourceApplyAdam", alpha, convert(np.int64(0)), *grouped, **options)

    def _advance(self):
        pairs = zip(self._beta_powers, self._betas, strict=True)
        return [power.assign(power * beta, name="Assign", read_value=False) for power, beta in pairs]
