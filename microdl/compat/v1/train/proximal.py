"""Optimizers for sparse weights: steps that are pulled to zero, where weights then stay."""

from types import MappingProxyType

from microdl.compat.v1.train.optimizers import Optimizer
from microdl.core.tensor import apply


def _shrunk(value, width, divisor):
    """``sign(value) * max(|value| - width, 0) / divisor``"""
    distance = apply("Abs", value) - width
    return apply("Sign", value) * apply("Maximum", distance, apply("ZerosLike", distance)) / divisor


class FtrlOptimizer(Optimizer):
    """Follow the regularized leader: McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013.

    ``n = a + g^2``; ``z += g + 2 shrinkage v - (n^-p - a^-p) / rate * v``; ``a = n``;
    ``v = (clip(z, -l1, l1) - z) / (n^-p / rate + 2 l2)``, p being ``learning_rate_power``.
    """

    def __init__(
        self,
        learning_rate,
        learning_rate_power=-0.5,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        use_locking=False,
        name="Ftrl",
        accum_name=None,
        linear_name=None,
        l2_shrinkage_regularization_strength=0.0,
        beta=None,
    ):
        super().__init__(learning_rate, name)
        for what, number in (
            ("initial_accumulator_value", initial_accumulator_value),
            ("l1_regularization_strength", l1_regularization_strength),
            ("l2_regularization_strength", l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength),
        ):
            if number < 0.0:
                raise ValueError(f"{what} {number} needs to be positive or zero")
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power {learning_rate_power} needs to be negative or zero")
        self.slots = {"accum": initial_accumulator_value, "linear": 0.0}
        self._power, self._shrinkage = -learning_rate_power, l2_shrinkage_regularization_strength
        self._l1, self._l2, self._beta = l1_regularization_strength, l2_regularization_strength, beta or 0.0

    def _update(self, gradients, variables, slots, numbers, powers):
        (rate,) = numbers
        for g, v, (squares, linear) in zip(gradients, variables, slots, strict=True):
            new = squares + g * g
            before, after = (self._powered(x) for x in (squares, new))
            total = linear + g + 2.0 * self._shrinkage * v - (after - before) / rate * v
            linear.assign(total)
            squares.assign(new)
            v.assign(-_shrunk(total, self._l1, after / rate + 2.0 * self._l2 + self._beta / rate))

    def _powered(self, x):
        return apply("Sqrt", x + 0.0) if self._power == 0.5 else (x + 0.0) ** self._power


class ProximalGradientDescentOptimizer(Optimizer):
    """``p = v - rate * g``; ``v = sign(p) max(|p| - rate * l1, 0) / (1 + rate * l2)``: Duchi and Singer, 2009."""

    def __init__(
        self,
        learning_rate,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        use_locking=False,
        name="ProximalGradientDescent",
    ):
        super().__init__(learning_rate, name)
        self._l1, self._l2 = l1_regularization_strength, l2_regularization_strength

    def _update(self, gradients, variables, slots, numbers, powers):
        (rate,) = numbers
        for g, v in zip(gradients, variables, strict=True):
            v.assign(_shrunk(v - rate * g, rate * self._l1, 1.0 + rate * self._l2))


class ProximalAdagradOptimizer(Optimizer):
    """The same with AdaGrad's rate, ``rate / sqrt(a)``, ``a += g^2``."""

    slots = MappingProxyType({"accumulator": 0.1})

    def __init__(
        self,
        learning_rate,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        use_locking=False,
        name="ProximalAdagrad",
    ):
        super().__init__(learning_rate, name)
        if initial_accumulator_value <= 0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        self.slots = {"accumulator": initial_accumulator_value}
        self._l1, self._l2 = l1_regularization_strength, l2_regularization_strength

    def _update(self, gradients, variables, slots, numbers, powers):
        (rate,) = numbers
        for g, v, (total,) in zip(gradients, variables, slots, strict=True):
            new = total + g * g
            total.assign(new)
            own = rate * apply("Rsqrt", new)
            v.assign(_shrunk(v - own * g, own * self._l1, 1.0 + own * self._l2))
