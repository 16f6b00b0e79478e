"""The table's random numbers and optimizers."""

import numpy as np

from .case import Array, Table, case, peers

VARIABLES = (400, 16, 14_400, 36, 225_792, 128, 1_280, 10)  # elements of the MNIST CNN's variables
FLAT = {"64Ki": 1 << 16, "16Mi": 1 << 24}
STREAM = np.uint64(1), np.uint64(2), np.uint64(3)  # of random numbers: key, and the counter's halves
DRAW = 2  # floating-point operations for one number; those of the generator are of integers

# Kernel: arguments, PyTorch, TensorFlow. Numbers differ from library to library, so none are compared.
RANDOM = {
    "uniform": (
        (*STREAM, 1.0, 0.0, "y"),
        "y.uniform_()",
        "tf.raw_ops.RandomUniform(shape=y.shape, dtype=y.dtype)",
    ),
    "normal": (
        (*STREAM, 1.0, 0.0, "y"),
        "y.normal_()",
        "tf.raw_ops.RandomStandardNormal(shape=y.shape, dtype=y.dtype)",
    ),
    "truncated_normal": (
        (*STREAM, 1.0, 0.0, "y"),
        "",
        "tf.raw_ops.TruncatedNormal(shape=y.shape, dtype=y.dtype)",
    ),
    "dropout": (
        ("x", *STREAM, 0.5, 2.0, "mask", "y"),
        "torch.native_dropout(x, 0.5, True)",
        "tf.nn.dropout(x, 0.5)",
    ),
}

STEP = (1 - 0.999) ** 0.5 / (1 - 0.9) * 1e-3  # Adam's first: learning rate 1e-3 with the correction of both means
ADAM = "lr=1e-3, beta1=0.9, beta2=0.999, weight_decay=0.0, eps=1e-7, maximize=False"
SGD = "lr=1e-3, weight_decay=0.0, dampening=0.0, nesterov=False, maximize=False, is_first_step=False"

# Kernel: lists of arrays and scalars, operations per element, PyTorch's fused update of all, TensorFlow's of one.
OPTIMIZERS = {
    "sgd": (
        ("g", "w", 1e-3),
        2,
        f"torch._fused_sgd_([w], [g], [], momentum=0.0, {SGD})",
        "tf.raw_ops.ResourceApplyGradientDescent(var=w.handle, alpha=1e-3, delta=g)",
    ),
    "sgd_momentum": (
        ("g", "w", "m", 1e-3, 0.9, 1.0, 0.0),
        4,
        f"torch._fused_sgd_([w], [g], [m], momentum=0.9, {SGD})",
        "tf.raw_ops.ResourceApplyKerasMomentum(var=w.handle, accum=m.handle, lr=1e-3, grad=g, momentum=0.9)",
    ),
    "rmsprop": (("g", "w", "v", 1e-3, 0.1, 1e-7), 8, "", ""),
    "rmsprop_momentum": (
        ("g", "w", "v", "m", 1e-3, 0.1, 1e-7, 0.9),
        10,
        "",
        "tf.raw_ops.ResourceApplyRMSProp(var=w.handle, ms=v.handle, mom=m.handle, lr=1e-3, rho=0.9, momentum=0.9, "
        "epsilon=1e-7, grad=g)",
    ),
    "rmsprop_centered": (
        ("g", "w", "v", "m", "mean", 1e-3, 0.1, 1e-7, 0.9),
        15,
        "",
        "tf.raw_ops.ResourceApplyCenteredRMSProp(var=w.handle, mg=mean.handle, ms=v.handle, mom=m.handle, lr=1e-3, "
        "rho=0.9, momentum=0.9, epsilon=1e-7, grad=g)",
    ),
    "adam": (
        ("g", "w", "m", "v", STEP, 0.1, 1e-3, 1e-7),
        11,
        f"torch._fused_adam_([w], [g], [m], [v], [], [step], amsgrad=False, {ADAM})",
        "tf.raw_ops.ResourceApplyAdam(var=w.handle, m=m.handle, v=v.handle, beta1_power=0.9, beta2_power=0.999, "
        "lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=g)",
    ),
    "adam_amsgrad": (
        ("g", "w", "m", "v", "v_max", STEP, 0.1, 1e-3, 1e-7),
        12,
        f"torch._fused_adam_([w], [g], [m], [v], [v_max], [step], amsgrad=True, {ADAM})",
        "",
    ),
    "weight_decay": (("w", 1e-6), 2, "w.mul_(1 - 1e-6)", ""),
}
CONTENTS = {"v": "positive", "v_max": "positive", "m": "nought", "mean": "nought"}  # all else is drawn as usual


def random():
    for kernel, (arguments, torch, tensorflow) in RANDOM.items():
        for label, n in FLAT.items():
            arrays = {"x": Array((n,)), "mask": Array((n,), "zeros", "uint8"), "y": Array((n,), "zeros")}
            used = {name: array for name, array in arrays.items() if name in arguments}
            call, same = (f"random.{kernel}", arguments), peers(torch, "", tensorflow)
            yield case(f"{kernel} {label}", [call], used, [], DRAW * n, same)
    n = 1 << 20
    y = {"y": Array((n,), "zeros")}
    call = "random.uniform_int", (*STREAM, np.int64(0), np.uint64(10), "y")
    yield case("uniform_int 1Mi", [call], y, [], DRAW * n, peers("y.random_(10)"), dtype="int32")
    call, same = ("random.shuffle", (*STREAM, "y")), peers("torch.randperm(y.numel(), out=y)")
    yield case("shuffle 1Mi", [call], y, [], 0, same, dtype="int64")
    call = "random.stateless_stream", (np.uint64(1), np.uint64(2), "y")
    yield case("stateless_stream", [call], {"y": Array((3,), "zeros")}, [], DRAW, dtype="uint64")
    arrays = {"dy": Array((n,)), "mask": Array((n,), "bool", "uint8"), "dx": Array((n,), "zeros")}
    call = "random.dropout_grad", ("dy", "mask", 2.0, "dx")
    same = peers("aten.native_dropout_backward(dy, mask.view(torch.bool), 2.0)")
    yield case("dropout_grad 1Mi", [call], arrays, ["dx"], n, same)


def optimizers():
    for kernel in OPTIMIZERS:
        for label, n in FLAT.items() if kernel in ("sgd", "sgd_momentum", "adam") else (("1Mi", 1 << 20),):
            yield _update(kernel, label, [n])
    yield _update("sgd", "MNIST CNN", VARIABLES)
    yield _update("adam", "MNIST CNN", VARIABLES)
    n = 1 << 20
    arrays = {"x": Array((n,)), "y": Array((1,), "zeros")}
    same = peers("torch.dot(x, x) / 2", "np.dot(x, x) / 2", "tf.nn.l2_loss(x)")
    yield case("l2_loss 1Mi", [("optimizer.l2_loss", ("x", "y"))], arrays, ["y"], 2 * n, same)


def _update(kernel, label, sizes):
    """One call for all variables; TensorFlow takes one variable a call."""
    arguments, operations, torch, tensorflow = OPTIMIZERS[kernel]
    names = [part for part in arguments if isinstance(part, str)]
    lists = {name: tuple(f"{name}{i}" for i in range(len(sizes))) if len(sizes) > 1 else (name,) for name in names}
    arrays = {"step": Array((), "one")} if "step" in torch else {}
    for name, variables in lists.items():
        how, updated = CONTENTS.get(name, "normal"), name != "g"
        arrays |= {variable: Array((n,), how, updated=updated) for variable, n in zip(variables, sizes, strict=True)}
        torch = torch.replace(f"[{name}]", f"[{', '.join(variables)}]")
    torch = torch.replace("[step]", f"[{', '.join(['step'] * len(sizes))}]")
    scalars = [part for part in arguments if not isinstance(part, str)]
    call = f"optimizer.{kernel}", (Table(tuple(lists.values())), *scalars)
    same = peers(torch, "", tensorflow if len(sizes) == 1 else "")
    return case(f"{kernel} {label}", [call], arrays, lists["w"], operations * sum(sizes), same)
