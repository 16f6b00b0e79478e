"""Lion: steps of one size, along the signs of a momentum."""

from microdl.keras.optimizers.base import Optimizer


class Lion(Optimizer):
    """``w -= learning_rate * sign(beta_1 m + (1 - beta_1) g)``; ``m = beta_2 m + (1 - beta_2) g``.

    Args:
        learning_rate: float, schedule or function; a third to a tenth of Adam's. beta_1: float in (0, 1], beta_2: float
            in [0, 1), dimensionless. Others: see ``Optimizer``.

    Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.99,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="lion",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"Lion: beta_1 must be in (0, 1], got {beta_1}")
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build(self, variables):
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def _update_steps(self, gradients, variables, learning_rate):
        lists = [variables, *self._slots_of(variables, self._momentums), gradients]
        self._apply_by_dtype("ResourceApplyLion", (learning_rate,), lists, beta_1=self.beta_1, beta_2=self.beta_2)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2}
        return {**super().get_config(), **own}
