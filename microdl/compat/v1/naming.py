"""microdl's functions as TensorFlow 1 has them: they add to the default graph, and name what they add."""

import functools
import inspect
import types

from microdl.compat.v1.graph import Named, get_default_graph
from microdl.compile.graph import FuncGraph
from microdl.core.context import context

# Names of operations where they are not the function's own. After a slash: the last one's, in the scope before it.
NAMES = {
    "abs": "Abs", "add": "Add", "add_n": "AddN", "argmax": "ArgMax", "argmin": "ArgMin", "avg_pool": "AvgPool",
    "bias_add": "BiasAdd", "cast": "Cast", "ceil": "Ceil", "conv2d": "Conv2D", "cos": "Cos", "divide": "truediv",
    "dropout": "dropout/SelectV2", "elu": "Elu", "equal": "Equal", "erf": "Erf", "exp": "Exp", "expand_dims": "ExpandDims", "eye": "eye/diag",
    "fill": "Fill",
    "floor": "Floor", "gather": "GatherV2", "greater": "Greater", "greater_equal": "GreaterEqual",
    "identity": "Identity", "leaky_relu": "LeakyRelu", "less": "Less", "less_equal": "LessEqual",
    "linspace": "linspace/Slice", "log": "Log",
    "logical_and": "LogicalAnd", "logical_not": "LogicalNot", "logical_or": "LogicalOr", "matmul": "MatMul",
    "max_pool": "MaxPool", "maximum": "Maximum", "minimum": "Minimum", "multiply": "Mul", "negative": "Neg",
    "not_equal": "NotEqual", "one_hot": "one_hot", "pad": "Pad", "pow": "Pow", "random_normal": "random_normal",
    "rank": "Rank", "reduce_all": "All", "reduce_any": "Any", "reduce_max": "Max", "reduce_mean": "Mean",
    "reduce_min": "Min", "reduce_prod": "Prod", "reduce_sum": "Sum", "relu": "Relu", "relu6": "Relu6",
    "reshape": "Reshape", "round": "Round", "rsqrt": "Rsqrt", "shape": "Shape", "sigmoid": "Sigmoid", "sign": "Sign",
    "sin": "Sin", "size": "Size", "softmax": "Softmax",
    "softmax_cross_entropy_with_logits": "softmax_cross_entropy_with_logits_sg/Reshape_2",
    "softmax_cross_entropy_with_logits_v2": "softmax_cross_entropy_with_logits/Reshape_2",
    "sparse_softmax_cross_entropy_with_logits":
        "SparseSoftmaxCrossEntropyWithLogits/SparseSoftmaxCrossEntropyWithLogits", "softplus": "Softplus", "sqrt": "Sqrt", "square": "Square",
    "squared_difference": "SquaredDifference", "squeeze": "Squeeze", "stop_gradient": "StopGradient",
    "subtract": "Sub", "tanh": "Tanh", "tile": "Tile", "transpose": "transpose", "truediv": "truediv",
    "uniform": "random_uniform", "where": "Select",
}  # fmt: skip


def in_graph(function, name=None):
    """``function`` as one that adds to the default graph; operations are named by its argument ``name``, or ``scope``."""
    label, _, last = (name or NAMES.get(function.__name__, function.__name__)).partition("/")

    @functools.wraps(function)
    def build(*args, **kwargs):
        if isinstance(context.graph, FuncGraph):
            return function(*args, **kwargs)
        graph = next((x.graph for x in args if isinstance(x, Named)), None) or get_default_graph()
        with graph.entered(), graph.naming(kwargs.get("name") or kwargs.get("scope") or label, last):
            result = function(*args, **kwargs)
            return (graph.pending() or [None])[-1] if result is None else result  # the operation: of tf.assert_equal

    return build


class Namespace(types.ModuleType):
    """A module of microdl as TensorFlow 1 has it: ``own`` names first, then the module's, its functions in graphs."""

    def __init__(self, module, own=None):
        super().__init__(module.__name__.replace("microdl", "microdl.compat.v1", 1), module.__doc__)
        self.__dict__["_module"] = module
        self.__dict__.update(own or {})

    def __getattr__(self, name):
        value = adapted(getattr(self.__dict__["_module"], name))
        self.__dict__[name] = value
        return value

    def __dir__(self):
        return sorted({*self.__dict__, *dir(self._module)} - {"_module"})


def adapted(value):
    """What a name of microdl's stands for here."""
    if isinstance(value, types.ModuleType):
        return Namespace(value)
    return in_graph(value) if inspect.isfunction(value) else value
