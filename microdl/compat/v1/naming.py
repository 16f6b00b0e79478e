"""microdl's functions as TensorFlow 1 has them: they add to the default graph, and name what they add."""

import functools
import inspect
import types
from typing import Any

from microdl.compat.v1.arguments import with_old_arguments
from microdl.compat.v1.at_once import at_once
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.operation import GraphTensor, Named
from microdl.core import nest
from microdl.core.context import context
from microdl.core.tensor import Tensor

# Names of operations where they are not the function's own. After a slash: the last one's, in the scope before it.
NAMES = {
    "abs": "Abs", "add": "Add", "add_n": "AddN", "argmax": "ArgMax", "argmin": "ArgMin", "avg_pool": "AvgPool",
    "bias_add": "BiasAdd", "cast": "Cast", "ceil": "Ceil", "conv2d": "Conv2D", "cos": "Cos",
    "cosine_decay": "CosineDecay", "cumsum": "Cumsum", "divide": "truediv", "dropout": "dropout/SelectV2",
    "elu": "Elu", "equal": "Equal", "erf": "Erf", "exp": "Exp", "expand_dims": "ExpandDims", "expm1": "Expm1",
    "exponential_decay": "ExponentialDecay", "eye": "eye/diag", "fill": "Fill", "floor": "Floor",
    "floormod": "FloorMod", "gather": "GatherV2", "greater": "Greater", "greater_equal": "GreaterEqual",
    "identity": "Identity", "inverse_time_decay": "InverseTimeDecay", "is_finite": "IsFinite", "is_inf": "IsInf",
    "is_nan": "IsNan", "l2_loss": "L2Loss", "leaky_relu": "LeakyRelu", "less": "Less", "less_equal": "LessEqual",
    "linspace": "linspace/Slice", "log": "Log", "log1p": "Log1p", "log_softmax": "LogSoftmax",
    "logical_and": "LogicalAnd", "logical_not": "LogicalNot", "logical_or": "LogicalOr", "logical_xor": "LogicalXor",
    "matmul": "MatMul", "max_pool": "MaxPool", "maximum": "Maximum", "minimum": "Minimum",
    "multinomial": "multinomial/Multinomial", "multiply": "Mul",
    "natural_exp_decay": "NaturalExpDecay", "negative": "Neg", "not_equal": "NotEqual", "one_hot": "one_hot",
    "pad": "Pad", "polynomial_decay": "PolynomialDecay", "pow": "Pow", "random_normal": "random_normal",
    "rank": "Rank", "reciprocal": "Reciprocal", "reduce_all": "All", "reduce_any": "Any",
    "reduce_logsumexp": "ReduceLogSumExp", "reduce_max": "Max", "reduce_mean": "Mean", "reduce_min": "Min",
    "reduce_prod": "Prod", "reduce_sum": "Sum", "relu": "Relu", "relu6": "Relu6", "reshape": "Reshape",
    "reverse": "ReverseV2", "round": "Round", "rsqrt": "Rsqrt", "selu": "Selu", "shape": "Shape",
    "sigmoid": "Sigmoid", "sigmoid_cross_entropy_with_logits": "logistic_loss", "sign": "Sign", "sin": "Sin",
    "size": "Size", "slice": "Slice", "softmax": "Softmax",
    "softmax_cross_entropy_with_logits": "softmax_cross_entropy_with_logits_sg/Reshape_2",
    "softmax_cross_entropy_with_logits_v2": "softmax_cross_entropy_with_logits/Reshape_2", "softplus": "Softplus",
    "softsign": "Softsign",
    "sparse_softmax_cross_entropy_with_logits":
        "SparseSoftmaxCrossEntropyWithLogits/SparseSoftmaxCrossEntropyWithLogits",
    "sqrt": "Sqrt", "square": "Square", "squared_difference": "SquaredDifference", "squeeze": "Squeeze",
    "stop_gradient": "StopGradient", "subtract": "Sub", "tan": "Tan", "tanh": "Tanh", "tile": "Tile",
    "transpose": "transpose", "truediv": "truediv", "uniform": "random_uniform", "where": "Select",
}  # fmt: skip


def in_graph(function, name=None) -> Any:
    """``function`` as one that adds to the default graph; operations are named by its argument ``name``,
    or ``scope``."""
    label, _, last = str(name or NAMES.get(function.__name__, function.__name__)).partition("/")

    @functools.wraps(function)
    def build(*args, **kwargs):
        if at_once():
            return function(*args, **kwargs)
        operands = (x for x in (*args, *kwargs.values()) if isinstance(x, Named))
        graph = next((x.graph for x in operands), None) or get_default_graph()
        with graph.entered(), graph.naming(kwargs.get("name") or kwargs.get("scope") or label, last):
            if any(isinstance(x, GraphTensor) and x.shape.rank is None for x in nest.flatten([args, kwargs])):
                result = graph.defer(function, args, kwargs)  # it may look at shapes
            else:
                result = function(*args, **kwargs)
            if result is None:
                return (graph.pending() or [None])[-1]  # the Operation: of tf.assert_equal
            return nest.pack_as(result, [_added(graph, x) for x in nest.flatten(result)])

    return build


def _added(graph, x):
    """A result as one of the graph's: some functions know the value at once, and give it without an operation."""
    known = isinstance(x, Tensor) and not isinstance(x, GraphTensor) and context.graph is graph
    return graph.defer(_constant, (x,), {}) if known else x


def _constant(value):
    return value


class Namespace(types.ModuleType):
    """A module of microdl as TensorFlow 1 has it: ``own`` names first, then the module's, its functions in graphs."""

    def __init__(self, module, own=None):
        super().__init__(module.__name__.replace("microdl", "microdl.compat.v1", 1), module.__doc__)
        self.__dict__["_module"] = module
        self.__dict__.update(own or {})

    def __getattr__(self, name) -> Any:
        module = self.__dict__["_module"]
        path = f"{module.__name__.removeprefix('microdl.')}.{name}"
        value = with_old_arguments(path, adapted(getattr(module, name)))
        self.__dict__[name] = value
        return value

    def __dir__(self):
        return sorted({*self.__dict__, *dir(self._module)} - {"_module"})


def adapted(value) -> Any:
    """What a name of microdl's stands for here."""
    if isinstance(value, types.ModuleType):
        return Namespace(value)
    return in_graph(value) if inspect.isfunction(value) else value
