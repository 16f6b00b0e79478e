"""Adagrad, and Adadelta: gradients divided by the root of the sum, or of a running mean, of their squares."""

from microdl.keras.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """``a += g^2``; ``w -= learning_rate * g / sqrt(a + epsilon)``.

    Args:
        learning_rate: float, schedule or function. initial_accumulator_value: float >= 0, the first a.
        epsilon: float > 0, in units of g^2. Others: see ``Optimizer``.

    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011.
    """

    def __init__(
        self,
        learning_rate=0.001,
        initial_accumulator_value=0.1,
        epsilon=1e-7,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="adagrad",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, variables):
        super().build(variables)
        start = self.initial_accumulator_value
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", initializer=start)

    def _update_steps(self, gradients, variables, learning_rate):
        lists = [variables, *self._slots_of(variables, self._accumulators), gradients]
        self._apply_by_dtype("ResourceApplyAdagradV2", (learning_rate,), lists, epsilon=self.epsilon)

    def get_config(self):
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class Adadelta(Optimizer):
    """Steps as large as the earlier ones were, for gradients as large as the earlier ones were.

    ``a = rho * a + (1 - rho) * g^2``, ``s = sqrt(d + epsilon) / sqrt(a + epsilon) * g``,
    ``d = rho * d + (1 - rho) * s^2``, ``w -= learning_rate * s``.

    Args:
        learning_rate: float, schedule or function; 1 in the paper. rho: float in [0, 1), weight of the past.
        epsilon: float > 0, in units of g^2. Others: see ``Optimizer``.

    Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.
    """

    def __init__(
        self,
        learning_rate=0.001,
        rho=0.95,
        epsilon=1e-7,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="adadelta",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables):
        super().build(variables)
        names = ["accumulated_grad", "accumulated_delta_var"]
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(variables, names)

    def _update_steps(self, gradients, variables, learning_rate):
        slots = self._slots_of(variables, self._accumulated_grads, self._accumulated_delta_vars)
        lists, options = [variables, *slots, gradients], {"rho": self.rho, "epsilon": self.epsilon}
        self._apply_by_dtype("ResourceApplyAdadelta", (learning_rate,), lists, **options)

    def get_config(self):
        own = {"rho": self.rho, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
