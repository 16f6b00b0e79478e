"""Attributes that arrays of other libraries have and tensors do not: the function that does the same here."""

from microdl.core.slices import assign_of

_SAME_NAME = """
    abs argmax argmin cos cumsum exp expand_dims floor gather matmul pow round sign sin size split sqrt square squeeze
    tanh tile transpose unstack
"""
_REDUCED = "all any max mean min prod sum"
_INSTEAD = {
    **{name: f"tf.{name}(x, ...)" for name in _SAME_NAME.split()},
    **{name: f"tf.reduce_{name}(x, ...)" for name in _REDUCED.split()},
    "T": "tf.transpose(x)",
    "add_": "v.assign_add(...) of a tf.Variable",
    "argsort": "np.argsort(x.numpy())",
    "astype": "tf.cast(x, dtype)",
    "backward": "tf.GradientTape: tape.gradient(loss, variables)",
    "clamp": "tf.clip_by_value(x, low, high)",
    "clip": "tf.clip_by_value(x, low, high)",
    "backing_device": "x.device",
    "copy": "tf.identity(x); tensors never change",
    "cuda": "x.gpu()",
    "detach": "tf.stop_gradient(x)",
    "dim": "x.ndim",
    "dot": "a @ b, or tf.reduce_sum(a * b) for vectors",
    "double": "tf.cast(x, tf.float64)",
    "eval": "x.numpy()",
    "flatten": "tf.reshape(x, [-1])",
    "float": "tf.cast(x, tf.float32)",
    "grad": "tf.GradientTape: tape.gradient(loss, variables)",
    "item": "x.numpy().item()",
    "log": "tf.math.log(x)",
    "norm": "tf.norm(x)",
    "permute": "tf.transpose(x, perm)",
    "ravel": "tf.reshape(x, [-1])",
    "relu": "tf.nn.relu(x)",
    "repeat": "tf.repeat(x, repeats)",
    "requires_grad": "tf.GradientTape: tape.watch(x)",
    "reshape": "tf.reshape(x, shape)",
    "sigmoid": "tf.sigmoid(x)",
    "softmax": "tf.nn.softmax(x)",
    "std": "tf.math.reduce_std(x)",
    "swapaxes": "tf.transpose(x, perm)",
    "to": "tf.cast(x, dtype), or x.gpu() and x.cpu() for devices",
    "tolist": "x.numpy().tolist()",
    "type": "tf.cast(x, dtype)",
    "unsqueeze": "tf.expand_dims(x, axis)",
    "var": "tf.math.reduce_variance(x)",
    "view": "tf.reshape(x, shape)",
    **dict.fromkeys(("assign", "assign_add", "assign_sub"), "a tf.Variable: tensors never change"),
}


def attribute(x, name):
    """``x.name`` that the class does not have: ``assign`` of a part of a variable.

    Raises: AttributeError for all others, with what to write instead if that is known.
    """
    if name == "assign" and (assign := assign_of(x)) is not None:
        return assign
    text = f"{type(x).__name__} has no attribute {name!r}"
    raise AttributeError(f"{text}; use {_INSTEAD[name]}" if name in _INSTEAD else text)
