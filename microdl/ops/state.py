"""Optimizer updates: ops that write to a variable and its slots in place. No outputs, no gradients.

The learning rate and the step are inputs, not attributes: in a graph they change from run to run.
"""

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import register_op


class _Update:
    """Base of updates with the inputs var, slots..., lr, [step,] grad; all of var's shape and dtype but lr and step."""

    same_dtype = False
    steps = 1  # elementary operations for each element, roughly

    @staticmethod
    def infer(var, *others, **attrs):
        grad = others[-1]
        if grad != var:
            raise InvalidArgumentError(
                f"optimizer update: the variable has shape {var.shape} and dtype {var.dtype.name}, "
                f"its gradient has shape {grad.shape} and dtype {grad.dtype.name}"
            )
        return ()

    @classmethod
    def cost(cls, var, *others, **attrs):
        slots = sum(spec == var for spec in others[:-1])
        return cls.steps * var.size, (3 + 2 * slots) * var.nbytes  # the gradient is read, the rest read and written


@register_op("ResourceApplyGradientDescent")
class _GradientDescent(_Update):
    inputs = ("var", "lr", "grad")
    mutates = ("var",)
    steps = 2

    @staticmethod
    def run(kernels, var, lr, grad):
        kernels.optimizer.sgd(grad.ravel(), var.dtype.type(lr), var.ravel())


@register_op("ResourceApplyKerasMomentum")
class _KerasMomentum(_Update):
    inputs = ("var", "accum", "lr", "grad")
    mutates = ("var", "accum")
    steps = 4

    @staticmethod
    def run(kernels, var, accum, lr, grad, momentum, use_nesterov):
        real = var.dtype.type
        kernels.optimizer.sgd_momentum(
            grad.ravel(), real(lr), real(momentum), bool(use_nesterov), var.ravel(), accum.ravel()
        )


@register_op("ResourceApplyRMSProp")
class _RMSProp(_Update):
    inputs = ("var", "ms", "lr", "grad")
    mutates = ("var", "ms")
    steps = 8

    @staticmethod
    def run(kernels, var, ms, lr, grad, rho, epsilon):
        real = var.dtype.type
        kernels.optimizer.rmsprop(grad.ravel(), real(lr), real(1 - rho), real(epsilon), var.ravel(), ms.ravel())


@register_op("ResourceApplyRMSPropMomentum")
class _RMSPropMomentum(_Update):
    inputs = ("var", "ms", "mom", "lr", "grad")
    mutates = ("var", "ms", "mom")
    steps = 10

    @staticmethod
    def run(kernels, var, ms, mom, lr, grad, rho, epsilon, momentum):
        real = var.dtype.type
        scalars = real(lr), real(1 - rho), real(epsilon), real(momentum)
        kernels.optimizer.rmsprop_momentum(grad.ravel(), *scalars, var.ravel(), ms.ravel(), mom.ravel())


@register_op("ResourceApplyCenteredRMSProp")
class _CenteredRMSProp(_Update):
    inputs = ("var", "ms", "mom", "mg", "lr", "grad")
    mutates = ("var", "ms", "mom", "mg")
    steps = 15

    @staticmethod
    def run(kernels, var, ms, mom, mg, lr, grad, rho, epsilon, momentum):
        real = var.dtype.type
        scalars = real(lr), real(1 - rho), real(epsilon), real(momentum)
        kernels.optimizer.rmsprop_centered(grad.ravel(), *scalars, var.ravel(), ms.ravel(), mom.ravel(), mg.ravel())


def _adam_scalars(real, lr, step, beta_1, beta_2, epsilon):
    """What the kernel takes. In float64 first: in float32, 1 - 0.999^t loses four of its seven digits at the start."""
    t = int(step) + 1
    alpha = float(lr) * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
    return real(alpha), real(1 - beta_1), real(1 - beta_2), real(epsilon)


@register_op("ResourceApplyAdam")
class _Adam(_Update):
    """``step`` counts the updates before this one."""

    inputs = ("var", "m", "v", "lr", "step", "grad")
    mutates = ("var", "m", "v")
    steps = 11

    @staticmethod
    def run(kernels, var, m, v, lr, step, grad, beta_1, beta_2, epsilon):
        scalars = _adam_scalars(var.dtype.type, lr, step, beta_1, beta_2, epsilon)
        kernels.optimizer.adam(grad.ravel(), *scalars, var.ravel(), m.ravel(), v.ravel())


@register_op("ResourceApplyAdamWithAmsgrad")
class _AdamWithAmsgrad(_Update):
    inputs = ("var", "m", "v", "vhat", "lr", "step", "grad")
    mutates = ("var", "m", "v", "vhat")
    steps = 12

    @staticmethod
    def run(kernels, var, m, v, vhat, lr, step, grad, beta_1, beta_2, epsilon):
        scalars = _adam_scalars(var.dtype.type, lr, step, beta_1, beta_2, epsilon)
        kernels.optimizer.adam_amsgrad(grad.ravel(), *scalars, var.ravel(), m.ravel(), v.ravel(), vhat.ravel())


@register_op("ResourceApplyWeightDecay")
class _WeightDecay:
    inputs = ("var", "lr")
    mutates = ("var",)
    same_dtype = False

    @staticmethod
    def infer(var, lr, decay):
        return ()

    @staticmethod
    def run(kernels, var, lr, decay):
        kernels.optimizer.weight_decay(var.dtype.type(float(lr) * decay), var.ravel())

    @staticmethod
    def cost(var, lr, decay):
        return 2 * var.size, 2 * var.nbytes
