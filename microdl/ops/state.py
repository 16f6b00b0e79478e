"""Optimizer updates: ops that write to variables and their slots in place. No outputs, no gradients.

One op updates any number of variables of one dtype: the inputs are a group (var, slots..., grad) for each of them,
after the learning rate and the step, which are inputs, not attributes: in a graph they change from run to run.
"""

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import register_op


class _Update:
    """Base of updates with the inputs lr, [step,] and for each variable var, slots..., grad, all of var's dtype."""

    same_dtype = False
    inputs = ()
    group = 0
    steps = 1  # elementary operations for each element, roughly

    def __init_subclass__(cls):
        cls.mutates = cls.inputs[-cls.group : -1]

    @classmethod
    def _lists(cls, inputs):
        """What follows the scalars as lists: of the variables, of each kind of slot, of the gradients."""
        return [inputs[k :: cls.group] for k in range(len(cls.inputs) - cls.group, len(cls.inputs))]

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
    steps = 2

    @classmethod
    def run(cls, kernels, lr, *arrays):
        var, grad = cls._lists((lr, *arrays))
        kernels.optimizer.sgd(grad, var[0].dtype.type(lr), var)


@register_op("ResourceApplyKerasMomentum")
class _KerasMomentum(_Update):
    inputs, group = ("lr", "var", "accum", "grad"), 3
    steps = 4

    @classmethod
    def run(cls, kernels, lr, *arrays, momentum, use_nesterov):
        var, accum, grad = cls._lists((lr, *arrays))
        real = var[0].dtype.type
        kernels.optimizer.sgd_momentum(grad, real(lr), real(momentum), bool(use_nesterov), var, accum)


@register_op("ResourceApplyRMSProp")
class _RMSProp(_Update):
    inputs, group = ("lr", "var", "ms", "grad"), 3
    steps = 8

    @classmethod
    def run(cls, kernels, lr, *arrays, rho, epsilon):
        var, ms, grad = cls._lists((lr, *arrays))
        real = var[0].dtype.type
        kernels.optimizer.rmsprop(grad, real(lr), real(1 - rho), real(epsilon), var, ms)


@register_op("ResourceApplyRMSPropMomentum")
class _RMSPropMomentum(_Update):
    inputs, group = ("lr", "var", "ms", "mom", "grad"), 4
    steps = 10

    @classmethod
    def run(cls, kernels, lr, *arrays, rho, epsilon, momentum):
        var, ms, mom, grad = cls._lists((lr, *arrays))
        real = var[0].dtype.type
        scalars = real(lr), real(1 - rho), real(epsilon), real(momentum)
        kernels.optimizer.rmsprop_momentum(grad, *scalars, var, ms, mom)


@register_op("ResourceApplyCenteredRMSProp")
class _CenteredRMSProp(_Update):
    inputs, group = ("lr", "var", "ms", "mom", "mg", "grad"), 5
    steps = 15

    @classmethod
    def run(cls, kernels, lr, *arrays, rho, epsilon, momentum):
        var, ms, mom, mg, grad = cls._lists((lr, *arrays))
        real = var[0].dtype.type
        scalars = real(lr), real(1 - rho), real(epsilon), real(momentum)
        kernels.optimizer.rmsprop_centered(grad, *scalars, var, ms, mom, mg)


def _adam_scalars(real, lr, step, beta_1, beta_2, epsilon):
    """What the kernel takes. In float64 first: in float32, 1 - 0.999^t loses four of its seven digits at the start."""
    t = int(step) + 1
    alpha = float(lr) * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
    return real(alpha), real(1 - beta_1), real(1 - beta_2), real(epsilon)


@register_op("ResourceApplyAdam")
class _Adam(_Update):
    """``step`` counts the updates before this one."""

    inputs, group = ("lr", "step", "var", "m", "v", "grad"), 4
    steps = 11

    @classmethod
    def run(cls, kernels, lr, step, *arrays, beta_1, beta_2, epsilon):
        var, m, v, grad = cls._lists((lr, step, *arrays))
        scalars = _adam_scalars(var[0].dtype.type, lr, step, beta_1, beta_2, epsilon)
        kernels.optimizer.adam(grad, *scalars, var, m, v)


@register_op("ResourceApplyAdamWithAmsgrad")
class _AdamWithAmsgrad(_Update):
    inputs, group = ("lr", "step", "var", "m", "v", "vhat", "grad"), 5
    steps = 12

    @classmethod
    def run(cls, kernels, lr, step, *arrays, beta_1, beta_2, epsilon):
        var, m, v, vhat, grad = cls._lists((lr, step, *arrays))
        scalars = _adam_scalars(var[0].dtype.type, lr, step, beta_1, beta_2, epsilon)
        kernels.optimizer.adam_amsgrad(grad, *scalars, var, m, v, vhat)


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
        kernels.optimizer.weight_decay(variables[0].dtype.type(float(lr) * decay), variables)

    @staticmethod
    def cost(lr, *variables, decay):
        return 2 * sum(v.size for v in variables), 2 * sum(v.nbytes for v in variables)
