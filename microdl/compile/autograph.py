"""Rewrites the control flow of a Python function so that it may depend on tensors: ``if``, ``while``, ``for``, ``and``.

    if x > 0:                   def ag__body1():  nonlocal y; y = x
        y = x                   def ag__else1():  nonlocal y; y = -x
    else:               ->      def ag__get1():   return ag__.values(lambda: y)
        y = -x                  def ag__set1(v):  nonlocal y; (y,) = v
                                ag__.if_(x > 0, ag__body1, ag__else1, (ag__get1, ag__set1), ("y",))

``flow.if_`` calls one of the two if the test is a Python value, and traces both if it is a symbolic tensor. Attributes
and elements that a block assigns (``self.x``, ``d["k"]``) are variables in this sense, too; ``break``, ``continue`` and
``return`` leave the loops beforehand (``jumps.py``). What has no such form (``raise`` in a branch, ``global``, ...)
stays as it is, but for a test that says so when it meets a symbolic tensor. Moldovan et al., "AutoGraph:
Imperative-style Coding with Graph-based Performance", 2019, has the idea.
"""

import ast
from collections import Counter
from typing import Any

from microdl.compile.jumps import WithoutJumps, own_jumps

FLOW = "ag__"  # the module ``flow`` in rewritten functions; what they define for themselves begins with it, too
CALLED = "ag__called"  # ``source.called`` in rewritten functions
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def parsed(text, where) -> Any:
    """Statements, with the place of the Node ``where``."""
    statements = ast.parse(text).body
    for statement in statements:
        for node in ast.walk(statement):
            ast.copy_location(node, where)
            if isinstance(node, (ast.expr, ast.stmt)):  # a call belongs to the line on which what is called ends
                node.end_lineno, node.end_col_offset = node.lineno, node.col_offset
    return statements


def _expression(text, where) -> Any:
    return parsed(text, where)[0].value


class Rewriter(ast.NodeTransformer):
    def __init__(self):
        self._count = 0  # of rewritten statements
        self._changed = False
        self._globals = set()  # names that the function being rewritten declares global
        self._reads = Counter()  # how often each variable is read in it

    def rewrite(self, definition):
        """Rewrites a FunctionDef in place. Returns whether there was something to rewrite."""
        self.visit(definition)
        return self._changed

    def generic_visit(self, node):
        for name, field in ast.iter_fields(node):
            if isinstance(field, list) and field and isinstance(field[0], ast.stmt):
                setattr(node, name, self._block(field))
            elif isinstance(field, list):
                field[:] = [self.visit(part) if isinstance(part, ast.AST) else part for part in field]
            elif isinstance(field, ast.AST):
                setattr(node, name, self.visit(field))
        return node

    def visit_FunctionDef(self, node):
        declared = [n for n in _inside(node.body) if isinstance(n, (ast.Global, ast.Nonlocal))]
        foreign = {name for n in declared for name in n.names}
        parameters = {n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg)}
        outer, count = (self._globals, self._reads), self._count
        self._globals = {name for n in declared if isinstance(n, ast.Global) for name in n.names}
        WithoutJumps(self._keeps_jumps).generic_visit(node)
        self._reads = _reads(node.body)
        own = sorted(_assigned(node.body) - foreign - parameters)
        node.body = self._block(node.body, tail=True)
        self._globals, self._reads = outer
        if own and self._count > count:  # they stay variables of this function, even if inner ones alone assign them
            node.body[:0] = parsed(f"if 0: {' = '.join(own)} = None", node)
        return node

    def visit_AsyncFunctionDef(self, node):
        return node

    def visit_ClassDef(self, node):
        return node

    # Expressions

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        return self._deferred("and_" if isinstance(node.op, ast.And) else "or_", node, [], node.values)

    def visit_IfExp(self, node):
        self.generic_visit(node)
        return self._deferred("choose", node, [node.test], [node.body, node.orelse])

    def visit_Compare(self, node):
        """``a < b < c`` is ``a < b and b < c`` if b can be read twice."""
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if len(sides) == 2 or not all(isinstance(x, (ast.Name, ast.Constant)) for x in sides[1:-1]):
            return node
        pairs = [
            ast.copy_location(ast.Compare(left, [op], [right]), node)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return self._deferred("and_", node, [], pairs)

    def visit_Call(self, node):
        """What is called is rewritten, too, if it is a function of the user's."""
        self.generic_visit(node)
        if isinstance(node.func, (ast.Name, ast.Attribute)) and getattr(node.func, "id", "") not in _FRAMES:
            call = _expression(f"{CALLED}()", node.func)
            call.args, node.func, self._changed = [node.func], call, True
        return node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return self._call("not_", node, [node.operand]) if isinstance(node.op, ast.Not) else node

    def _deferred(self, name, node, known, operands):
        """``ag__.name(*known, lambda: operand, ...)``, unless an operand must be where it is."""
        if _obstacle(operands):
            return node
        thunks = _expression(f"[{', '.join(['lambda: 0'] * len(operands))}]", node).elts
        for thunk, operand in zip(thunks, operands, strict=True):
            thunk.body = operand
        return self._call(name, node, [*known, *thunks])

    def _call(self, name, node, arguments):
        self._changed = True
        call = _expression(f"{FLOW}.{name}()", node)
        call.args = arguments
        return call

    # Statements

    def visit_Assert(self, node):
        self.generic_visit(node)
        message = node.msg or ast.copy_location(ast.Constant(None), node)
        if _obstacle([node.test, message]):
            return node
        call: Any = self._deferred("assert_", node, [node.test], [message])
        return ast.copy_location(ast.Expr(call), node)

    def visit_Expr(self, node):
        """A call whose result is not used: ``ta.write(i, x)`` alone would have no effect."""
        self.generic_visit(node)
        is_method = isinstance(node.value, ast.Call) and (
            isinstance(node.value.func, ast.Call) and any(_name(f) in _LOST for f in node.value.func.args)
        )
        if is_method:
            node.value = self._call("unused", node, [node.value])
        return node

    def _block(self, statements, tail=False):
        """tail: the function ends where these statements end."""
        result = []
        for k, statement in enumerate(statements):
            if isinstance(statement, ast.If) and any(isinstance(n, ast.Return) for n in _inside([statement])):
                complete = _with_rest(statement, statements[k + 1 :], tail)
                if complete is not None and not self._obstacle(complete.body + complete.orelse, (ast.Return,)):
                    return result + self._if(complete, "if_return")
            visited = self.visit(statement)
            result += visited if isinstance(visited, list) else [visited]
        return result

    def visit_If(self, node):
        obstacle = self._obstacle(node.body + node.orelse)
        if _raises(node.body) or _raises(node.orelse):
            obstacle = "it holds a `raise`, which would run while tracing; tf.debugging.Assert checks tensors"
        return self._plain(node, "if", obstacle) if obstacle else self._if(node, "if_")

    def visit_While(self, node):
        obstacle = self._obstacle(node.body) or _obstacle([node.test]) or (node.orelse and "it has an `else`")
        if obstacle:
            return self._plain(node, "while", obstacle)
        needed = self._needed([node.test, *node.body])
        test, body, *others, call = self._functions(node.body, "while_loop", "test", "body", node)
        call.value.args.append(needed)
        test.body = parsed("return 0", node)
        test.body[0].value = self.visit(node.test)
        body.body += self._block(node.body)
        return [test, body, *others, call]

    def visit_For(self, node):
        if node.orelse or self._obstacle([node.target, *node.body]):
            return self.generic_visit(node)
        needed = self._needed([node.target, *node.body])
        body, *others, call = self._functions([node.target, *node.body], "for_loop", "body", "", node)
        call.value.args.append(needed)
        if stop := getattr(node, "stop", None):
            call.value.args.append(_expression(f"lambda: {stop}", node))
        body.args = _expression("lambda ag__item: 0", node).args
        (item,) = parsed("target = ag__item", node)
        item.targets = [node.target]
        body.body += [item, *self._block(node.body)]
        is_range = isinstance(node.iter, ast.Call) and _name(node.iter.func) == "range"
        iterable = self.visit(node.iter)
        if is_range:
            iterable.args.insert(0, iterable.func)
            iterable.func = _expression(f"{FLOW}.steps", node)
        call.value.args.insert(0, iterable)
        return [body, *others, call]

    def _if(self, node, helper):
        returns = helper == "if_return"
        body, orelse, *others, call = self._functions(node.body + node.orelse, helper, "body", "else", node)
        call.value.args.insert(0, self.visit(node.test))
        body.body += self._block(node.body, tail=returns)
        orelse.body += self._block(node.orelse, tail=returns)
        return [body, orelse, *others, ast.copy_location(ast.Return(call.value), node) if returns else call]

    def _functions(self, statements, helper, first, second, where):
        """Definitions of one or two blocks, to be filled, of ``get`` and ``set``, and the call that they are for."""
        self._changed, self._count = True, self._count + 1
        k, names, places = self._count, sorted(_assigned(statements)), _places(statements)
        declaration = f"nonlocal {', '.join(names)}" if names else "pass"
        readers = ", ".join(f"lambda: {name}" for name in [*names, *places])
        news = [f"{FLOW}new{i}" for i in range(len(places))]
        blocks = [f"{FLOW}{block}{k}" for block in (first, second) if block]
        text = [f"def {block}(): {declaration}" for block in blocks]
        text += [
            f"def {FLOW}get{k}(): return {FLOW}.values({readers})",
            f"def {FLOW}set{k}(ag__new):",
            f" {declaration}",
        ]
        text += [f" [{', '.join([*names, *news])}] = ag__new"]
        text += [f" if {name} is {FLOW}.UNDEFINED: del {name}" for name in names]
        for new, place in zip(news, places, strict=True):
            text += [f" if {FLOW}.differs({new}, lambda: {place}): {place} = {new}"]
            text += [f" elif {FLOW}.vanishes({new}, lambda: {place}): del {place}"]
        labels = (*names, *places)
        text += [f"{FLOW}.{helper}({', '.join(blocks)}, ({FLOW}get{k}, {FLOW}set{k}), {labels!r})"]
        return parsed("\n".join(text), where)

    def _needed(self, loop):
        """The names that a loop assigns and that are read outside of it, too, as a tuple in the program."""
        inside = _reads(loop)
        names = tuple(sorted(name for name in _assigned(loop) if self._reads[name] > inside[name]))
        return _expression(repr(names), loop[0])

    def _plain(self, node, statement, reason):
        """The statement as it is, with a test that is not content with a symbolic tensor."""
        self.generic_visit(node)
        node.test = self._call("plain", node.test, [node.test, *_constants(node, statement, reason)])
        return node

    def _obstacle(self, statements, allowed: tuple = ()):
        if _assigned(statements) & self._globals:
            return "it assigns a global variable"
        return _obstacle(statements, allowed)

    def _keeps_jumps(self, loop):
        parts = [loop.target, *loop.body] if isinstance(loop, ast.For) else [loop.test, *loop.body]
        return bool(self._obstacle(parts, (ast.Return, ast.Break, ast.Continue)))


_LOST = {"write", "unstack", "scatter", "split"}  # methods of a TensorArray that give another one


def _name(expression):
    """The last name in ``a.b.name``."""
    return getattr(expression, "attr", getattr(expression, "id", ""))


def _constants(where, *values):
    return [ast.copy_location(ast.Constant(value), where) for value in values]


def _inside(nodes, apart=_SCOPES):
    """All Nodes below, without those inside of other scopes."""
    for node in nodes:
        yield node
        if not isinstance(node, apart):
            yield from _inside(ast.iter_child_nodes(node), apart)


def _reads(nodes):
    """How often each variable is read, functions inside included."""
    every = [n for node in nodes for n in ast.walk(node)]
    return Counter(n.id for n in every if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _assigned(statements):
    """Names of the variables that statements assign."""
    found = set()
    for node in _inside(statements, (*_SCOPES, *_COMPREHENSIONS)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            found.add(node.name)
    return found - {None}


_STAYS = {  # what can not be moved into a function of its own
    ast.Return: "it holds a `return`, and does not return in all cases",
    ast.Break: "it holds a `break`",
    ast.Continue: "it holds a `continue`",
    ast.Global: "it declares a global variable",
    ast.Nonlocal: "it declares a nonlocal variable",
    ast.NamedExpr: "it holds a `:=`",
    ast.Yield: "it holds a `yield`",
    ast.YieldFrom: "it holds a `yield`",
    ast.Await: "it holds an `await`",
}
_FRAMES = {"super", "locals", "vars", "eval", "exec"}  # they look at the function that they are called in


def _obstacle(nodes, allowed: tuple = ()):
    """Why statements or expressions have to stay in their function, as text; None if they need not."""
    assigned, jumps = _assigned(nodes), {id(jump) for jump in own_jumps(nodes)}
    for node in _inside(nodes):
        kind = type(node)
        if kind in _STAYS and kind not in allowed and (kind not in (ast.Break, ast.Continue) or id(node) in jumps):
            return _STAYS[kind]
        if isinstance(node, ast.Name) and node.id in _FRAMES:
            return f"it holds a call of {node.id}"
        if _is_target(node) and not _is_place(node, assigned):
            return f"it assigns {ast.unparse(node)}, and computes in itself which object or element that is"
    return None


def _is_target(node):
    return isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load)


def _is_place(target, assigned):
    """Whether a target like ``self.x`` or ``d["k"]`` means the same wherever it stands in a block."""
    if isinstance(target, ast.Attribute):
        return _is_place(target.value, assigned)
    if isinstance(target, ast.Subscript):
        index = target.slice.operand if isinstance(target.slice, ast.UnaryOp) else target.slice
        return _is_place(target.value, assigned) and (isinstance(index, ast.Constant) or _is_place(index, assigned))
    return isinstance(target, ast.Name) and target.id not in assigned


def _places(statements):
    """The attributes and elements that statements assign, as text: ``self.x``, ``d['k']``."""
    return sorted({ast.unparse(node) for node in _inside(statements) if _is_target(node)})


def _raises(statements):
    """Whether one of the statements is a ``raise``, which would run while tracing."""
    return any(isinstance(node, ast.Raise) for node in statements)


def _with_rest(node, rest, tail):
    """An ``if`` that returns in all cases, the statements behind it taken in; None if it does not."""
    body, orelse = list(node.body), list(node.orelse)
    if _ends(body):
        orelse += rest
    elif _ends(orelse):
        body += rest
    else:
        return None
    for block in (body, orelse):
        if not _ends(block):
            if not tail:
                return None
            block += parsed("return None", node)
    return ast.copy_location(ast.If(node.test, body, orelse), node)


def _ends(block):
    """Whether a function never goes on behind these statements."""
    last = block[-1] if block else None
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, (ast.Return, ast.Raise)) or (isinstance(last, ast.With) and _ends(last.body))
