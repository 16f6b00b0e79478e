"""Running means of variables, which are often the better weights once training has ended."""

import numpy as np

from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.variables import GraphKeys, Variable, global_variables, group
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import apply, convert


class ExponentialMovingAverage:
    """``a = decay * a + (1 - decay) * v`` whenever the Operation that ``apply`` gives is run, from a = v's first value.

    Args:
        decay: in [0, 1), dimensionless. num_updates: a number of steps n, Tensor or Variable: then the decay is at most
            (1 + n) / (10 + n). zero_debias: accepted for variables, whose averages start from values.

    >>> average = tf.train.ExponentialMovingAverage(0.999)
    >>> with tf.control_dependencies([train]):
    ...     train = average.apply(tf.trainable_variables())
    """

    def __init__(self, decay, num_updates=None, zero_debias=False, name="ExponentialMovingAverage"):
        self._decay, self._updates, self.name = decay, num_updates, name
        self._averages = {}

    def apply(self, var_list=None):
        """An Operation that moves the averages of these variables, by default of all that are trained."""
        graph = get_default_graph()
        chosen = graph.get_collection(GraphKeys.TRAINABLE_VARIABLES) if var_list is None else list(var_list)
        for v in chosen:
            if not isinstance(v, Variable):
                raise TypeError(f"ExponentialMovingAverage.apply: averages are of Variables, got {v!r}")
            if not v.dtype.is_floating:
                raise TypeError(f"The variables must be half, float, or double: {v.name}")
            if v not in self._averages:
                self._averages[v] = self._made(v)
        updates = []
        for v in chosen:
            with graph.entered(), graph.naming(self.name):
                graph.defer(_moved, (self._averages[v], v, self._decay, self._updates), {})
            updates.append(graph.calls[-1])
        return group(*updates, name=self.name)

    def _made(self, v):
        with v.graph.entered(), v.graph.control_dependencies(None), v.graph.name_scope(None):
            average = Variable(v.initialized_value(), trainable=False, name=f"{v.op.name}/{self.name}")
        v.graph.add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, v)
        return average

    def average(self, var):
        """The Variable with a variable's average; None if it has none."""
        return self._averages.get(var)

    def average_name(self, var):
        """The name under which a Saver keeps a variable's average."""
        return self._averages[var].op.name if var in self._averages else f"{var.op.name}/{self.name}"

    def variables_to_restore(self, moving_avg_variables=None):
        """For a Saver: a dict from names to variables, those with averages by the averages' names."""
        graph = get_default_graph()
        averaged = list(moving_avg_variables or ())
        for key in (GraphKeys.TRAINABLE_VARIABLES, GraphKeys.MOVING_AVERAGE_VARIABLES):
            averaged += graph.get_collection(key) if moving_avg_variables is None else []
        found = {self.average_name(v): v for v in averaged}
        found.update((v.op.name, v) for v in global_variables() if v not in averaged and v.op.name not in found)
        return found


@reads_sizes
def _moved(average, variable, decay, updates):
    if updates is None:
        rate = np.asarray(1.0 - decay, variable.dtype.as_numpy_dtype)
    else:
        count = apply("Cast", convert(updates), dtype=variable.dtype)
        rate = 1.0 - apply("Minimum", convert(decay, variable.dtype), (1.0 + count) / (10.0 + count))
    average.assign_sub((average - variable) * rate)
    return average.read_value()
