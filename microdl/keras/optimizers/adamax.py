"""Relatives of Adam: Adamax and Nadam."""

from microdl.keras.optimizers.base import Optimizer


class Adamax(Optimizer):
    """Adam with the largest gradient, ever less weighted, in place of the mean square.

    ``m += (1 - beta_1) (g - m)``, ``u = max(beta_2 u, |g|)``,
    ``w -= learning_rate / (1 - beta_1^t) * m / (u + epsilon)`` at step t = 1, 2, ...

    Args: as for ``Adam``.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, section 7.1.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="adamax",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables):
        super().build(variables)
        self._m, self._u = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def _update_steps(self, gradients, variables, learning_rate):
        lists = [variables, *self._slots_of(variables, self._m, self._u), gradients]
        options = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        self._apply_by_dtype("ResourceApplyAdaMax", (learning_rate, self.iterations), lists, **options)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class Nadam(Optimizer):
    """Adam that looks ahead as Nesterov's momentum does.

    With ``u(t) = beta_1 (1 - 0.96^t / 2)`` and p(t) the product of u(1) to u(t), a step is ``w -= learning_rate *
    (u(t + 1) m / (1 - p(t + 1)) + (1 - u(t)) g / (1 - p(t))) / (sqrt(v / (1 - beta_2^t)) + epsilon)``.

    Args: as for ``Adam``.

    Dozat, "Incorporating Nesterov Momentum into Adam", 2016.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="nadam",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables):
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def _update_steps(self, gradients, variables, learning_rate):
        lists = [variables, *self._slots_of(variables, self._momentums, self._velocities), gradients]
        options = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        self._apply_by_dtype("ResourceApplyNadam", (learning_rate, self.iterations), lists, **options)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
