"""From a Python function to the same function with control flow that may depend on tensors (``autograph.py``)."""

import ast
import copy
import functools
import inspect
import sysconfig
import types
import weakref
from typing import Any

from microdl.compile import flow
from microdl.compile.autograph import CALLED, FLOW, Rewriter, parsed
from microdl.compile.elements import of_sources
from microdl.core.context import context, user_location

_GENERATORS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})

_KEPT = "_microdl_do_not_convert"  # attribute of functions that are not rewritten

_known = weakref.WeakKeyDictionary()  # function that was called -> itself rewritten


def called(function):
    """What a rewritten function calls instead of ``function``: that one rewritten, too, if it is the user's."""
    if isinstance(function, types.MethodType):
        found = called(function.__func__)
        return function if found is function.__func__ else types.MethodType(found, function.__self__)
    if isinstance(function, functools.partial):
        found = called(function.func)
        return function if found is function.func else functools.partial(found, *function.args, **function.keywords)
    if isinstance(function, (type, types.BuiltinFunctionType)):
        return of_sources(function)
    call = inspect.getattr_static(type(function), "__call__", None)
    if isinstance(call, types.FunctionType):  # an object of the user's
        found = called(call)
        return function if found is call else types.MethodType(found, function)
    if not isinstance(function, types.FunctionType) or function.__code__.co_filename.startswith(_LIBRARIES):
        return function
    found = _known.get(function)
    if found is None:
        found = convert_function(function)
        _known[function] = found if found is not function else _AS_IT_IS
    return function if found is _AS_IT_IS else found


_AS_IT_IS = object()  # the value for such a key must not keep the key alive


def convert_function(function):
    """``function`` rewritten; itself, if there is nothing to rewrite or its source cannot be had."""
    if isinstance(function, types.MethodType):
        converted = convert_function(function.__func__)
        return function if converted is function.__func__ else types.MethodType(converted, function.__self__)
    if not isinstance(function, types.FunctionType) or hasattr(function, _KEPT):
        return function
    home = function.__globals__.get("__name__")  # of a wrapper, ``__module__`` may be that of the function inside
    code, package = function.__code__, str(home).partition(".")[0]
    if package == "microdl" or code.co_flags & _GENERATORS:
        return function
    if FLOW in code.co_freevars or CALLED in code.co_freevars:
        return function  # it stood inside of one that was rewritten
    definition = _definition(code)
    if definition is None or not Rewriter().rewrite(definition):
        return function
    return _compiled(function, definition)


def do_not_convert(func=None):
    """Decorator: the control flow of ``func`` stays Python's, also where it is called in a traced function."""
    if func is None:
        return do_not_convert
    plain = getattr(func, "python_function", func)
    setattr(getattr(plain, "__func__", plain), _KEPT, True)
    return func


def set_loop_options(parallel_iterations=None, swap_memory=None, maximum_iterations=None, shape_invariants=None):
    """Accepted in a loop's body, without effect; ``maximum_iterations`` is refused where the loop would heed it."""
    if maximum_iterations is not None and context.graph is not None:
        raise NotImplementedError(
            f"set_loop_options ({user_location()}): maximum_iterations is not supported; use a `break`, or "
            "tf.while_loop(..., maximum_iterations=n)"
        )


def to_code(entity, recursive=True, experimental_optional_features=None):
    """The source of a function as it is traced, with the control flow rewritten."""
    function = getattr(entity, "python_function", entity)
    definition = _definition(getattr(function, "__func__", function).__code__)
    if definition is None:
        raise ValueError(f"to_code: there is no source of {entity!r}")
    Rewriter().rewrite(definition)
    definition.decorator_list = []
    return ast.unparse(definition)


def _definition(code):
    """The syntax tree of a function, with the lines and columns of its file; None if there is none."""
    definition = _lambda(code) if code.co_name == "<lambda>" else _def(code)
    if definition is None:
        return None
    names = [getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(definition)]
    if any(name.startswith("__") and not name.endswith("__") for name in names):
        return None  # such a name means another one inside of a class
    return definition


def _lambda(code):
    """The definition of a function that does what a lambda does."""
    try:
        tree = _parsed_file("".join(inspect.findsource(code)[0]))
    except (OSError, TypeError, SyntaxError):
        return None
    parts = [p for p in code.co_positions() if None not in p and p[2] != p[3]]
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda)
        and node.lineno == code.co_firstlineno
        and all(_holds(node.body, part) for part in parts)
    ]
    if not found or not parts:
        return None
    innermost = copy.deepcopy(max(found, key=lambda node: (node.lineno, node.col_offset)))
    (definition,) = parsed("def ag__lambda(): return None", innermost)
    definition.args, definition.body[0].value = innermost.args, innermost.body
    return definition


@functools.lru_cache(8)
def _parsed_file(text):
    return ast.parse(text)


def _holds(node, part):
    """Whether a piece of a file (first line, last line, first column, end) lies inside of a Node."""
    line, end_line, column, end = part
    return (node.lineno, node.col_offset) <= (line, column) and (end_line, end) <= (
        node.end_lineno,
        node.end_col_offset,
    )


def _def(code):
    """The definition of a function, as its ``def`` stands in the file."""
    try:
        lines, first = inspect.getsourcelines(code)
        nested = lines[0][:1].isspace()
        tree = ast.parse("if 1:\n" * nested + "".join(lines))
    except (OSError, TypeError, SyntaxError):
        return None
    ast.increment_lineno(tree, first - 1 - nested)
    body = tree.body[0].body if nested and isinstance(tree.body[0], ast.If) else tree.body
    definition = body[0]
    return definition if isinstance(definition, ast.FunctionDef) and definition.name == code.co_name else None


def _compiled(function, definition):
    """The function with the globals, cells and defaults of ``function`` and the code of ``definition``."""
    code = function.__code__
    definition.decorator_list, definition.returns = [], None
    arguments = definition.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if argument is not None:
            argument.annotation = None
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]  # the function's own take their place
    arguments.kw_defaults = [default and ast.Constant(None) for default in arguments.kw_defaults]
    cells: dict[str, Any] = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    cells |= {FLOW: types.CellType(flow), CALLED: types.CellType(called)}
    (maker,) = parsed(f"def ag__maker({', '.join(cells)}): pass", definition)
    name = definition.name
    outside = [] if name in cells else parsed(f"global {name}", definition)  # as it was, if it calls itself
    maker.body = [*outside, definition]
    module = ast.fix_missing_locations(ast.Module([maker], []))
    made = compile(module, code.co_filename, "exec", dont_inherit=True)
    for level in ("ag__maker", name):
        made = next(c for c in made.co_consts if isinstance(c, types.CodeType) and c.co_name == level)
    closure = tuple(cells[name] for name in made.co_freevars)
    result = types.FunctionType(made, function.__globals__, function.__name__, function.__defaults__, closure)
    result.__kwdefaults__, result.__qualname__ = function.__kwdefaults__, function.__qualname__
    result.__doc__, result.__module__ = function.__doc__, function.__module__
    return result
