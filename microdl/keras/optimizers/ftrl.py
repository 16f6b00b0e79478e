"""FTRL: sparse weights for linear models."""

from microdl.keras.optimizers.base import Optimizer


class Ftrl(Optimizer):
    """Follow the regularized leader: weights that the first penalty does not let through are exactly 0.

    ``z += g + 2 shrinkage w - (a'^p - a^p) / learning_rate * w`` with ``a' = a + g^2`` and p = -learning_rate_power,
    ``w = (clip(z, -l1, l1) - z) / (a'^p / learning_rate + 2 l2 + beta / learning_rate)``.

    Args:
        learning_rate: float, schedule or function. learning_rate_power: float <= 0. initial_accumulator_value: float >=
            0, the first a. *_strength: floats >= 0: l1, l2 and shrinkage. beta: float >= 0. Others: see ``Optimizer``.

    McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013.
    """

    def __init__(
        self,
        learning_rate=0.001,
        learning_rate_power=-0.5,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        l2_shrinkage_regularization_strength=0.0,
        beta=0.0,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="ftrl",
        **unknown,
    ):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **unknown)
        if initial_accumulator_value < 0 or learning_rate_power > 0:
            raise ValueError(
                "Ftrl: initial_accumulator_value must be >= 0 and learning_rate_power <= 0, got "
                f"{initial_accumulator_value} and {learning_rate_power}"
            )
        penalties = l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength
        if min(penalties) < 0:
            raise ValueError(f"Ftrl: strengths of regularization must be >= 0, got {penalties}")
        self.l1_regularization_strength, self.l2_regularization_strength = penalties[:2]
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.learning_rate_power, self.initial_accumulator_value = learning_rate_power, initial_accumulator_value
        self.beta = beta

    def build(self, variables):
        super().build(variables)
        start = self.initial_accumulator_value
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", initializer=start)
        self._linears = self.add_optimizer_variables(variables, "linear")

    def _update_steps(self, gradients, variables, learning_rate):
        lists = [variables, *self._slots_of(variables, self._accumulators, self._linears), gradients]
        options = {
            "lr_power": self.learning_rate_power,
            "l1": self.l1_regularization_strength,
            "l2": self.l2_regularization_strength,
            "l2_shrinkage": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
        self._apply_by_dtype("ResourceApplyFtrlV2", (learning_rate,), lists, **options)

    def get_config(self):
        own = {
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
        return {**super().get_config(), **own}
