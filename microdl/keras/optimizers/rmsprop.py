"""RMSprop: gradients divided by their running root mean square."""

from microdl.keras.optimizers.base import Optimizer


class RMSprop(Optimizer):
    """``v = rho * v + (1 - rho) * g^2``; ``w -= learning_rate * g / sqrt(v + epsilon)``.

    Args:
        learning_rate: float, schedule or function. rho: float in [0, 1), weight of the past, dimensionless.
        momentum: float >= 0; above 0 the steps themselves gather momentum. epsilon: float > 0, in units of g^2.
        centered: divide by the standard deviation instead. Others: see ``Optimizer``.

    Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012.
    """

    def __init__(
        self,
        learning_rate=0.001,
        rho=0.9,
        momentum=0.0,
        epsilon=1e-7,
        centered=False,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="rmsprop",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, variables):
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        # The centered rule always takes the steps by way of a momentum slot, which does nothing where momentum is 0.
        moving = self.momentum > 0 or self.centered
        self._momentums = self.add_optimizer_variables(variables, "momentum") if moving else []
        self._averages = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def _update_steps(self, gradients, variables, learning_rate):
        slots = self._slots_of(variables, self._velocities, self._momentums, self._averages)
        op = ("ResourceApplyRMSProp", "ResourceApplyRMSPropMomentum", "ResourceApplyCenteredRMSProp")[len(slots) - 1]
        options = {"rho": self.rho, "epsilon": self.epsilon}
        if len(slots) > 1:
            options["momentum"] = self.momentum
        self._apply_by_dtype(op, (learning_rate,), [variables, *slots, gradients], **options)

    def get_config(self):
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}
