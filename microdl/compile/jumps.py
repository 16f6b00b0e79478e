"""Loops without jumps: ``break``, ``continue`` and ``return`` in a loop become flags that guard what comes behind.

    for x in xs:                  ag__break1 = False
        if x > 9.0:               for x in xs:          # no further round once ag__break1 holds
            break           ->        if x > 9.0:
        y += x                            ag__break1 = True
                                      else:
                                          y += x

What follows an ``if`` that jumps moves into its other branch, or into an ``if not ag__break1:`` where it jumps in some
cases only. A ``return`` stores its value, leaves all loops around it, and returns behind them.
"""

import ast

_LOOPS = (ast.For, ast.While)
_JUMPS = (ast.Break, ast.Continue, ast.Return)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
PREFIX = "ag__"


class WithoutJumps(ast.NodeTransformer):
    """Rewrites the loops of a function, inner ones first; not those of functions inside.

    Args:
        stays: function of a loop that tells whether it is to stay as it is.

    Attributes:
        names: set of the variables that the rewritten statements have in addition.
    """

    def __init__(self, stays):
        self._stays, self.names = stays, set()

    def visit_Lambda(self, node):
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda  # pyright: ignore[reportAssignmentType]

    def _loop(self, node):
        self.generic_visit(node)
        jumps = {type(jump) for jump in own_jumps(node.body)} | {type(n) for n in _returns(node.body)}
        if not (jumps or node.orelse) or self._stays(node):
            return node
        if not jumps:  # nothing leaves the loop early, so the `else` always follows
            after, node.orelse = node.orelse, []
            return [node, *after]
        return self._lowered(node, jumps)

    visit_For = visit_While = _loop

    def _lowered(self, node, jumps):
        k = len(self.names)
        flags = {kind: f"{PREFIX}{kind.__name__.lower()}{k}" for kind in _JUMPS}
        value = f"{PREFIX}value{k}"
        self.names |= {flags[kind] for kind in jumps} | ({value} if ast.Return in jumps else set())
        returned = [n.value for n in _returns(node.body)]
        returns_value = any(v is not None and not (isinstance(v, ast.Constant) and v.value is None) for v in returned)
        lowering = _Lowering(flags, value if returns_value else None, node)
        body, orelse = lowering.block(node.body), node.orelse
        if ast.Continue in lowering.guarding:
            body.insert(0, lowering.assign(flags[ast.Continue], False))
        else:
            body = [_Without(flags[ast.Continue]).visit(statement) for statement in body]
        before, after = [], []
        if jumps - {ast.Continue}:
            stop = flags[ast.Break]
            self.names.add(stop)
            before.append(lowering.assign(stop, False))
            if isinstance(node, ast.While):
                node.test = lowering.located(
                    ast.BoolOp(ast.And(), [ast.UnaryOp(ast.Not(), lowering.read(stop)), node.test])
                )
            else:
                node.stop = stop  # pyright: ignore[reportAttributeAccessIssue]
        if ast.Return in jumps:
            before.append(lowering.assign(flags[ast.Return], False))
            result = lowering.read(value) if returns_value else ast.Constant(None)
            after.append(lowering.located(ast.If(lowering.read(flags[ast.Return]), [ast.Return(result)], [])))
        if orelse and before:
            after.append(lowering.located(ast.If(ast.UnaryOp(ast.Not(), lowering.read(flags[ast.Break])), orelse, [])))
        else:
            after += orelse
        node.body, node.orelse = body, []
        return [*before, node, *after]


class _Without(ast.NodeTransformer):
    """Takes out the assignments to a variable that nobody reads."""

    def __init__(self, name):
        self._name = name

    def visit_Assign(self, node):
        is_its = isinstance(node.targets[0], ast.Name) and node.targets[0].id == self._name
        return ast.copy_location(ast.Pass(), node) if is_its else node


class _Lowering:
    """The statements of one loop's body without their jumps."""

    def __init__(self, flags, value, loop):
        self._flags, self._value, self._loop = flags, value, loop
        self.guarding = set()  # kinds of jumps whose flags are read in the body

    def located(self, node):
        return ast.fix_missing_locations(ast.copy_location(node, self._loop))

    def read(self, name):
        return ast.Name(name, ast.Load())

    def assign(self, name, value):
        return self.located(ast.Assign([ast.Name(name, ast.Store())], ast.Constant(value)))

    def block(self, statements):
        return self._block(statements) or [self.located(ast.Pass())]

    def _block(self, statements):
        result = []
        for k, statement in enumerate(statements):
            rest, moved = statements[k + 1 :], False
            if isinstance(statement, _JUMPS):
                return [*result, *self._jump(statement)]
            kinds = {type(jump) for jump in [*own_jumps([statement]), *_returns([statement])]}
            if not kinds:
                result.append(statement)
                continue
            if rest and isinstance(statement, ast.If):
                branches = [statement.body, statement.orelse]
                moved = any(map(_jumps_away, branches))
                if moved:
                    branches[_jumps_away(statement.body)] += rest
            for name, field in ast.iter_fields(statement):
                if (
                    isinstance(field, list)
                    and field
                    and isinstance(field[0], (ast.stmt, ast.ExceptHandler, ast.match_case))
                ):
                    setattr(statement, name, self._parts(field))
            result.append(statement)
            if rest:
                return result if moved else [*result, self._guard(kinds, rest)]
        return result

    def _parts(self, field):
        if isinstance(field[0], ast.stmt):
            return self.block(field)
        for part in field:  # of a `try` or a `match`
            part.body = self.block(part.body)
        return field

    def _guard(self, kinds, rest):
        kinds = {ast.Break if kind is ast.Return else kind for kind in kinds}
        self.guarding |= kinds
        flags: list[ast.expr] = [
            ast.UnaryOp(ast.Not(), self.read(self._flags[kind])) for kind in sorted(kinds, key=str)
        ]
        test = flags[0] if len(flags) == 1 else ast.BoolOp(ast.And(), flags)
        return ast.fix_missing_locations(ast.copy_location(ast.If(test, self.block(rest), []), rest[0]))

    def _jump(self, statement):
        """The statements that stand for a jump: they set its flags."""
        kinds = [type(statement)]
        found = []
        if kinds[0] is ast.Return:
            kinds.append(ast.Break)
            if self._value is not None:
                value = statement.value or ast.Constant(None)
                found.append(ast.Assign([ast.Name(self._value, ast.Store())], value))
        found += [ast.Assign([ast.Name(self._flags[kind], ast.Store())], ast.Constant(True)) for kind in kinds]
        return [ast.fix_missing_locations(ast.copy_location(s, statement)) for s in found]


def own_jumps(nodes):
    """The ``break`` and ``continue`` that leave these Nodes."""
    for node in nodes:
        if isinstance(node, (ast.Break, ast.Continue)):
            yield node
        elif isinstance(node, _LOOPS):
            yield from own_jumps(node.orelse)
        elif not isinstance(node, _SCOPES):
            yield from own_jumps(ast.iter_child_nodes(node))


def _returns(nodes):
    for node in nodes:
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, _SCOPES):
            yield from _returns(ast.iter_child_nodes(node))


def _jumps_away(block):
    """Whether what follows a block never runs in the same round."""
    last = block[-1] if block else None
    if isinstance(last, ast.If):
        return _jumps_away(last.body) and _jumps_away(last.orelse)
    return isinstance(last, _JUMPS)
