"""Adam: steps from running means of the gradient and of its square."""

from microdl.keras.optimizers.base import Optimizer


class Adam(Optimizer):
    """``m`` and ``v`` follow g and g^2; ``w -= alpha * m / (sqrt(v) + epsilon)``; alpha corrects their zero start.

    ``m += (1 - beta_1) (g - m)``, ``v += (1 - beta_2) (g^2 - v)``,
    ``alpha = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)`` at step t = 1, 2, ...

    Args:
        learning_rate: float, schedule or function. beta_1, beta_2: floats in [0, 1), dimensionless.
        epsilon: float > 0, in units of g. amsgrad: divide by the largest v so far. Others: see ``Optimizer``.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015. Amsgrad: Reddi, Kale and Kumar, 2018.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        amsgrad=False,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="adam",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        for beta, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= value < 1:
                raise ValueError(f"{type(self).__name__}: {beta} must be in [0, 1), got {value}")
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def build(self, variables):
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._largest = self.add_optimizer_variables(variables, "velocity_hat") if self.amsgrad else []

    def _update_steps(self, gradients, variables, learning_rate):
        slots = self._slots_of(variables, self._momentums, self._velocities, self._largest)
        op = "ResourceApplyAdamWithAmsgrad" if self.amsgrad else "ResourceApplyAdam"
        options = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        self._apply_by_dtype(op, (learning_rate, self.iterations), [variables, *slots, gradients], **options)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return {**super().get_config(), **own}
