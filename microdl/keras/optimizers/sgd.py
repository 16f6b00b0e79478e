"""Gradient descent, with momentum if wanted."""

from microdl.keras.optimizers.base import Optimizer


class SGD(Optimizer):
    """``w -= learning_rate * g``; with momentum ``m = momentum * m - learning_rate * g``, ``w += m``.

    Args:
        learning_rate: float, schedule or function. momentum: float in [0, 1], dimensionless.
        nesterov: look ahead: ``w += momentum * m - learning_rate * g``. Others: see ``Optimizer``.

    Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.0,
        nesterov=False,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="SGD",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        if not 0 <= momentum <= 1:
            raise ValueError(f"SGD: momentum must be in [0, 1], got {momentum}")
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables):
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def _update_steps(self, gradients, variables, learning_rate):
        if not self.momentum:
            self._apply_by_dtype("ResourceApplyGradientDescent", (learning_rate,), [variables, gradients])
            return
        lists = [variables, *self._slots_of(variables, self._momentums), gradients]
        options = {"momentum": self.momentum, "use_nesterov": self.nesterov}
        self._apply_by_dtype("ResourceApplyKerasMomentum", (learning_rate,), lists, **options)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
