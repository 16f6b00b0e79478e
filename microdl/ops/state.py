"""Optimizer updates: ops that write to variables and their slots in place. No outputs, no gradients.

One op updates any number of variables of one dtype: the inputs are a group (var, slots..., grad) for each of them,
after the learning rate and the step, which are inputs, not attributes: in a graph they change from run to run.
"""

import numpy as np

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import register_op


class _Update:
    """Base of updates with the inputs lr, [step,] and for each variable var, slots..., grad, all of var's dtype.

    ``kernel``: name of the kernel. ``scalars(real, lr, [step,] **attrs)``: what it takes after the table of gradients,
    variables and slots; ``real`` is the variables' type of number.
    """

    same_dtype = False
    inputs = ()
    group = 0
    steps = 1  # elementary operations for each element, roughly
    kernel = ""

    def __init_subclass__(cls):
        cls.mutates = cls.inputs[-cls.group : -1]

    @classmethod
    def _lists(cls, inputs):
        """What follows the scalars as lists: of the variables, of each kind of slot, of the gradients."""
        return [inputs[k :: cls.group] for k in range(len(cls.inputs) - cls.group, len(cls.inputs))]

    @staticmethod
    def scalars(real, *rates, **attrs):
        raise NotImplementedError

    @classmethod
    def run(cls, kernels, *arrays, **attrs):
        cls.settle(kernels, *arrays, **attrs)()

    @classmethod
    def settle(cls, kernels, *arrays, **attrs):
        *written, gradients = cls._lists(arrays)
        real, rates = written[0][0].dtype.type, arrays[: len(cls.inputs) - cls.group]
        table = kernels.optimizer.table_of(gradients, *written)
        update = getattr(kernels.optimizer, cls.kernel)

        def again(arrays=arrays):  # keeps them alive: the table holds addresses
            update(table, *cls.scalars(real, *rates, **attrs))

        return again

    @classmethod
    def infer(cls, *specs, **attrs):
        variables, *_, gradients = cls._lists(specs)
        for var, grad in zip(variables, gradients, strict=True):
            if grad != var or var.dtype is not variables[0].dtype:
                raise InvalidArgumentError(
                    f"optimizer update: a variable has shape {var.shape} and dtype {var.dtype.name}, its gradient has "
                    f"shape {grad.shape} and dtype {grad.dtype.name}; all that one op updates have the dtype "
                    f"{variables[0].dtype.name}"
                )
        return ()

    @classmethod
    def cost(cls, *specs, **attrs):
        variables = cls._lists(specs)[0]
        moves = 2 * cls.group - 1  # the gradient is read, the rest read and written
        return cls.steps * sum(v.size for v in variables), moves * sum(v.nbytes for v in variables)


@register_op("ResourceApplyGradientDescent")
class _GradientDescent(_Update):
    inputs, group = ("lr", "var", "grad"), 2
    steps, kernel = 2, "sgd"

    @staticmethod
    def scalars(real, lr):
        return (real(lr),)


@register_op("ResourceApplyKerasMomentum")
class _KerasMomentum(_Update):
    inputs, group = ("lr", "var", "accum", "grad"), 3
    steps, kernel = 4, "sgd_momentum"

    @staticmethod
    def scalars(real, lr, momentum, use_nesterov):
        """learning rate, then the factors of the speed: before the step, in the step, of the gradient in the step."""
        return real(lr), real(momentum), *((real(momentum), real(1)) if use_nesterov else (real(1), real(0)))


@register_op("ResourceApplyRMSProp")
class _RMSProp(_Update):
    inputs, group = ("lr", "var", "ms", "grad"), 3
    steps, kernel = 8, "rmsprop"

    @staticmethod
    def scalars(real, lr, rho, epsilon):
        return real(lr), real(1 - rho), real(epsilon)


@register_op("ResourceApplyRMSPropMomentum")
class _RMSPropMomentum(_Update):
    inputs, group = ("lr", "var", "ms", "mom", "grad"), 4
    steps, kernel = 10, "rmsprop_momentum"

    @staticmethod
    def scalars(real, lr, rho, epsilon, momentum):
        return real(lr), real(1 - rho), real(epsilon), real(momentum)


@register_op("ResourceApplyCenteredRMSProp")
class _CenteredRMSProp(_RMSPropMomentum):
    inputs, group = ("lr", "var", "ms", "mom", "mg", "grad"), 5
    steps, kernel = 15, "rmsprop_centered"


@register_op("ResourceApplyAdam")
class _Adam(_Update):
    """``step`` counts the updates before this one."""

    inputs, group = ("lr", "step", "var", "m", "v", "grad"), 4
    steps, kernel = 11, "adam"

    @staticmethod
    def scalars(real, lr, step, beta_1, beta_2, epsilon):
        """In float64 first: in float32, 1 - 0.999^t loses four of its seven digits at the start."""
        t = int(step) + 1
        alpha = float(lr) * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
        return real(alpha), real(1 - beta_1), real(1 - beta_2), real(epsilon)


@register_op("ResourceApplyAdamWithAmsgrad")
class _AdamWithAmsgrad(_Adam):
    inputs, group = ("lr", "step", "var", "m", "v", "vhat", "grad"), 5
    steps, kernel = 12, "adam_amsgrad"


@register_op("ResourceApplyAdaMax")
class _AdaMax(_Adam):
    inputs, group = ("lr", "step", "var", "m", "u", "grad"), 4
    steps, kernel = 9, "adamax"

    @staticmethod
    def scalars(real, lr, step, beta_1, beta_2, epsilon):
        return real(float(lr) / (1 - beta_1 ** (int(step) + 1))), real(1 - beta_1), real(beta_2), real(epsilon)


@register_op("ResourceApplyNadam")
class _Nadam(_Adam):
    inputs, group = ("lr", "step", "var", "m", "v", "grad"), 4
    steps, kernel = 15, "nadam"

    @staticmethod
    def scalars(real, lr, step, beta_1, beta_2, epsilon):
        """Momentum grows: beta_1 (1 - 0.96^t / 2) at step t; its products up to now and to the next step."""
        t, rate = int(step) + 1, float(lr)
        now, following = (beta_1 * (1 - 0.5 * 0.96**s) for s in (t, t + 1))
        factors = 1 - 0.5 * 0.96 ** np.arange(1, min(t, _SETTLED) + 1)
        product = float(beta_1**t * factors.prod())
        by_average, by_gradient = following / (1 - product * following), (1 - now) / (1 - product)
        growth = 1 / (1 - beta_2**t)
        return *map(real, (rate * by_average, rate * by_gradient, 1 - beta_1, 1 - beta_2, growth)), real(epsilon)


_SETTLED = 1000  # steps after which Nadam's momentum is beta_1 to the last digit


@register_op("ResourceApplyAdagradV2")
class _Adagrad(_Update):
    inputs, group = ("lr", "var", "accum", "grad"), 3
    steps, kernel = 6, "adagrad"

    @staticmethod
    def scalars(real, lr, epsilon):
        return real(lr), real(epsilon)


@register_op("ResourceApplyAdadelta")
class _Adadelta(_Update):
    inputs, group = ("lr", "var", "accum", "accum_update", "grad"), 4
    steps, kernel = 14, "adadelta"

    @staticmethod
    def scalars(real, lr, rho, epsilon):
        return real(lr), real(1 - rho), real(epsilon)


@register_op("ResourceApplyFtrlV2")
class _Ftrl(_Update):
    inputs, group = ("lr", "var", "accum", "linear", "grad"), 4
    steps, kernel = 20, "ftrl"

    @staticmethod
    def scalars(real, lr, lr_power, l1, l2, l2_shrinkage, beta):
        doubled = 2 * l2 + beta / float(lr)
        return real(lr), real(-lr_power), real(l1), real(doubled), real(2 * l2_shrinkage)


@register_op("ResourceApplyLion")
class _Lion(_Update):
    inputs, group = ("lr", "var", "m", "grad"), 3
    steps, kernel = 8, "lion"

    @staticmethod
    def scalars(real, lr, beta_1, beta_2):
        return real(lr), real(beta_1), real(beta_2)


@register_op("ResourceApplyWeightDecay")
class _WeightDecay:
    inputs, group = ("lr", "var"), 1
    mutates = ("var",)
    same_dtype = False

    @staticmethod
    def infer(lr, *variables, decay):
        return ()

    @staticmethod
    def run(kernels, lr, *variables, decay):
        table = kernels.optimizer.table_of(variables)
        kernels.optimizer.weight_decay(table, variables[0].dtype.type(float(lr) * decay))

    @staticmethod
    def cost(lr, *variables, decay):
        return 2 * sum(v.size for v in variables), 2 * sum(v.nbytes for v in variables)
