"""What an op costs by its record, and which kernels it calls by its source: for plans that explain themselves, profiles
and ``tf.show``."""

import ast
import functools
import inspect
import sys
import textwrap


def cost_of(op, inputs, outputs, attrs):
    """(floating point operations, bytes moved) of one application. inputs, outputs: Specs.

    An op whose record has no ``cost`` is taken to read its inputs and write its outputs.
    """
    if op.view:
        return 0, 0
    if op.cost is None:
        return 0, sum(x.nbytes for x in inputs) + sum(y.nbytes for y in outputs)
    flops, moved = op.cost(*inputs, **attrs)
    return int(flops), int(moved)


def cost_of_node(node):
    """``cost_of`` of a Node of a plan."""
    return cost_of(node.op, [x.spec for x in node.inputs], [y.spec for y in node.outputs], node.attrs)


def record_of(op):
    """The class that ``register_op`` made the Op from; None for an Op that was made for one Node."""
    classes = list(filter(None, map(_class_of, (op.infer, op.run, op.gradient, op.cost))))
    return max(classes, key=lambda c: len(c.__mro__), default=None)  # the others are its bases


def _class_of(method):
    """The class in whose body a static or class method stands, or through which it was taken."""
    if method is None or inspect.isclass(getattr(method, "__self__", None)):
        return method and method.__self__
    path = getattr(method, "__qualname__", "").split(".")[:-1]
    if "<locals>" in path or not path:
        return None
    return functools.reduce(getattr, path, sys.modules[method.__module__])


@functools.cache
def kernels_of(op):
    """(family, kernel) of all kernels that the op's ``run`` may call, in the order of the source."""
    found = {}
    if op.run is not None:
        owner = getattr(op.run, "__self__", None)
        _collect(inspect.unwrap(getattr(op.run, "__func__", op.run)), owner, found, set())
    return tuple(found)


def _collect(function, owner, found, seen):
    """Files the kernels of one function and of those that it hands ``kernels`` on to."""
    if function in seen or not inspect.isfunction(function):
        return
    seen.add(function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    names = {id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_kernels(node.value) and id(node) in names:
            found[node.attr, names[id(node)]] = None  # kernels.family.kernel
        elif isinstance(node, ast.Call):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Attribute) and _is_kernels(first.value):  # getattr(kernels.family, cls.kernel)
                chosen = filter(None, (getattr(owner, name, "") for name in _attributes(node.args[1:])))
                found.update({(first.attr, name): None for name in list(chosen)[:1]})
            elif any(_is_kernels(argument) for argument in node.args):
                called = _called(node.func, function, owner)
                if called is not None:
                    _collect(called, owner, found, seen)


def _is_kernels(node):
    return isinstance(node, ast.Name) and node.id == "kernels"


def _attributes(nodes):
    """Names of the attributes in expressions such as ``cls.kernel or cls.function``."""
    return [part.attr for node in nodes for part in ast.walk(node) if isinstance(part, ast.Attribute)]


def _called(expression, function, owner):
    """The function that a call in ``function`` leads to, if that is one of the module's or of the op's record."""
    if isinstance(expression, ast.Name):
        found = function.__globals__.get(expression.id)
    elif isinstance(expression, ast.Attribute) and owner is not None:  # cls.helper(kernels...), super().run(kernels...)
        inherited = [vars(c)[expression.attr] for c in owner.__mro__ if expression.attr in vars(c)]
        found = next((f for f in inherited if getattr(f, "__func__", f) is not function), None)
    else:
        return None
    found = getattr(found, "__func__", found)
    return inspect.unwrap(found) if inspect.isfunction(found) else None
