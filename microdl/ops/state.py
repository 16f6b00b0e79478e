"""Optimizer updates: ops that write to variables and their slots in place. No outputs, no gradients.

One op updates any number of variables of one dtype: the inputs are a group (var, slots..., grad) for each of them,
after the learning rate and the step, which are inputs, not attributes: in a graph they change from run to run.
"""

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import register_op


class _Update:
    """Base of updates with the inputs lr, [step,] and for each variable var, slots..., grad, all of var's dtype.

    ``kernel``: name of the kernel, and of the function in ``kernels.rates`` that works out the numbers it takes.
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

    @classmethod
    def run(cls, kernels, *arrays, **attrs):
        cls.settle(kernels, *arrays, **attrs)()

    @classmethod
    def settle(cls, kernels, *arrays, **attrs):
        *written, gradients = cls._lists(arrays)
        real, rates = written[0][0].dtype.type, arrays[: len(cls.inputs) - cls.group]
        table = kernels.optimizer.table_of(gradients, *written)
        update, numbers = getattr(kernels.optimizer, cls.kernel), getattr(kernels.rates, cls.kernel)

        def again(arrays=arrays):  # keeps them alive: the table holds addresses
            update(table, *numbers(real, *rates, **attrs))

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


@register_op("ResourceApplyKerasMomentum")
class _KerasMomentum(_Update):
    inputs, group = ("lr", "var", "accum", "grad"), 3
    steps, kernel = 4, "sgd_momentum"


@register_op("ResourceApplyRMSProp")
class _RMSProp(_Update):
    inputs, group = ("lr", "var", "ms", "grad"), 3
    steps, kernel = 8, "rmsprop"


@register_op("ResourceApplyRMSPropMomentum")
class _RMSPropMomentum(_Update):
    inputs, group = ("lr", "var", "ms", "mom", "grad"), 4
    steps, kernel = 10, "rmsprop_momentum"


@register_op("ResourceApplyCenteredRMSProp")
class _CenteredRMSProp(_Update):
    inputs, group = ("lr", "var", "ms", "mom", "mg", "grad"), 5
    steps, kernel = 15, "rmsprop_centered"


@register_op("ResourceApplyAdam")
class _Adam(_Update):
    """``step`` counts the updates before this one."""

    inputs, group = ("lr", "step", "var", "m", "v", "grad"), 4
    steps, kernel = 11, "adam"


@register_op("ResourceApplyAdamWithAmsgrad")
class _AdamWithAmsgrad(_Update):
    inputs, group = ("lr", "step", "var", "m", "v", "vhat", "grad"), 5
    steps, kernel = 12, "adam_amsgrad"


@register_op("ResourceApplyAdaMax")
class _AdaMax(_Update):
    inputs, group = ("lr", "step", "var", "m", "u", "grad"), 4
    steps, kernel = 9, "adamax"


@register_op("ResourceApplyNadam")
class _Nadam(_Update):
    inputs, group = ("lr", "step", "var", "m", "v", "grad"), 4
    steps, kernel = 15, "nadam"


@register_op("ResourceApplyAdagradV2")
class _Adagrad(_Update):
    inputs, group = ("lr", "var", "accum", "grad"), 3
    steps, kernel = 6, "adagrad"


@register_op("ResourceApplyAdadelta")
class _Adadelta(_Update):
    inputs, group = ("lr", "var", "accum", "accum_update", "grad"), 4
    steps, kernel = 14, "adadelta"


@register_op("ResourceApplyFtrlV2")
class _Ftrl(_Update):
    inputs, group = ("lr", "var", "accum", "linear", "grad"), 4
    steps, kernel = 20, "ftrl"


@register_op("ResourceApplyLion")
class _Lion(_Update):
    inputs, group = ("lr", "var", "m", "grad"), 3
    steps, kernel = 8, "lion"


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
        kernels.optimizer.weight_decay(table, *kernels.rates.weight_decay(variables[0].dtype.type, lr, decay))

    @staticmethod
    def cost(lr, *variables, decay):
        return 2 * sum(v.size for v in variables), 2 * sum(v.nbytes for v in variables)
