"""Reading variables in a graph, and writing to them."""

import numpy as np

from microdl.core.op import register_op


@register_op("ReadVariableOp")
class _ReadVariable:
    """The variable's value at this place among the Nodes of a graph; it lies in the variable's own buffer."""

    inputs = ("resource",)
    view = True

    @staticmethod
    def infer(resource):
        return resource

    @staticmethod
    def run(kernels, resource):
        return resource

    @staticmethod
    def cost(resource):
        return 0, 0


@register_op("DeepCopy")
class _DeepCopy:
    """A copy in memory of its own: what a graph keeps of a variable that is written to afterwards."""

    inputs = ("x",)

    @staticmethod
    def infer(x):
        return x

    @staticmethod
    def run(kernels, x, y):
        np.copyto(y, x)

    @staticmethod
    def gradient(node, dy):
        return dy

    @staticmethod
    def cost(x):
        return 0, 2 * x.nbytes


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
