"""Writing to variables."""

from microdl.core.op import register_op


class _Assign:
    """A write of ``value`` into ``ref``'s buffer; shapes and dtypes were compared by ``Variable``."""

    inputs = ("ref", "value")
    mutates = ("ref",)

    @staticmethod
    def infer(ref, value):
        return ()

    @staticmethod
    def cost(ref, value):
        return 0, 2 * ref.nbytes


@register_op("AssignVariableOp")
class _AssignVariable(_Assign):
    @staticmethod
    def run(kernels, ref, value):
        ref[...] = value


@register_op("AssignAddVariableOp")
class _AssignAddVariable(_Assign):
    @staticmethod
    def run(kernels, ref, value):
        ref += value


@register_op("AssignSubVariableOp")
class _AssignSubVariable(_Assign):
    @staticmethod
    def run(kernels, ref, value):
        ref -= value
