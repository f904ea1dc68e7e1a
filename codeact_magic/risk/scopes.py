"""The scopes of a syntax tree, and the names that each binds, by Python's scoping rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

How = Literal["is", "added", "element", "rest", "held", "instance", "unknown"]
ScopeKind = Literal["module", "function", "class", "comprehension"]
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
RETURNED = "return"  # the name that holds the return value of a function; no variable can have it
_MOST = 100_000  # nodes: ten thousand lines, or a second or two
_ADDING_METHODS = frozenset({"append", "add", "insert", "extend", "appendleft", "setdefault", "put"})


class TooTangledError(ValueError):
    """The code is too large or too tangled to be analysed."""


class Scope:
    """A scope of the code, and its bindings."""

    def __init__(self, kind: ScopeKind, parent: Scope | None = None) -> None:
        self.kind = kind
        self.parent = parent
        self.module: Scope = parent.module if parent else self
        self.bound: dict[str, list[Binding]] = {}
        self.declared: dict[str, Scope] = {}  # names declared global or nonlocal, with the scope that binds them

    def binder(self, name: str) -> Scope:
        """Return the scope in which an assignment to `name` here binds it."""
        return self.declared.get(name, self)

    def owner(self, name: str) -> Scope | None:
        """Return the scope in which `name` is found if it is read here, None if the code does not bind it."""
        scope: Scope | None = self.binder(name)
        while scope and (name not in scope.bound or (scope.kind == "class" and scope is not self)):
            scope = scope.parent
        return scope

    def function(self) -> Scope:
        """Return the nearest scope that is not a comprehension; a walrus binds its name there."""
        return self.parent.function() if self.kind == "comprehension" and self.parent else self


class Binding(NamedTuple):
    """A possible value of a name.

    Attributes:
        scope: the scope that binds the name; None for an attribute of any object.
        name: the name that is bound.
        how: the value "is" that of `node`, has it "added", is an "element" of it, the "rest" of its elements, or an
            "instance" of it. "held": the name was bound before, to a container, and the value of `node` is added to it.
        node: the expression, None for an import.
        origin: the scope in which `node` is evaluated.
        dotted: the dotted name of an import.
        position: line and column.
        is_unconditional: whether it is an assignment that runs whenever its scope does.
    """

    scope: Scope | None
    name: str
    how: How
    node: ast.AST | None = None
    origin: Scope | None = None
    dotted: str = ""
    position: tuple[int, int] = (0, 0)
    is_unconditional: bool = False


class Scopes:
    """The nodes of a tree in source order, except constants, each with its scope; and all bindings."""

    def __init__(self, tree: ast.Module) -> None:
        """Read `tree`. Raises TooTangledError if it is too large to be analysed while the user waits."""
        self.nodes: list[tuple[ast.AST, Scope]] = []
        self.bindings: list[Binding] = []
        self.inner: dict[int, Scope] = {}  # by the id of the function or comprehension that opens the scope
        self._unconditional = {id(statement) for statement in tree.body}
        waiting: list[tuple[ast.AST, Scope]] = [(tree, Scope("module"))]
        while waiting:
            node, scope = waiting.pop()
            if isinstance(node, ast.Constant):
                continue
            self.nodes.append((node, scope))
            if len(self.nodes) > _MOST:
                raise TooTangledError("too much code")
            if isinstance(node, ast.Name):
                continue  # for speed: most nodes are names, and a name by itself binds nothing
            waiting.extend(reversed(list(self._children(node, scope))))
            is_unconditional = isinstance(node, ast.Assign | ast.AnnAssign) and id(node) in self._unconditional
            position = (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
            for binding in self._bindings(node, scope):
                is_sure = is_unconditional and binding.how == "is"
                self._bind(binding._replace(position=position, is_unconditional=is_sure))

    def _bind(self, binding: Binding) -> None:
        self.bindings.append(binding)
        if binding.scope and binding.how != "held":
            binding.scope.bound.setdefault(binding.name, []).append(binding)

    def _children(self, node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        """Yield the children of `node`, each with the scope in which it is evaluated."""
        if isinstance(node, FUNCTIONS):
            yield from self._children_of_function(node, scope)
        elif isinstance(node, COMPREHENSIONS):
            yield from self._children_of_comprehension(node, scope)
        elif isinstance(node, ast.ClassDef):
            inner = Scope("class", scope)
            yield from ((child, inner if isinstance(child, ast.stmt) else scope) for child in _children(node))
        elif isinstance(node, ast.NamedExpr):
            yield from ((node.target, scope.function()), (node.value, scope))
        else:
            yield from ((child, scope) for child in _children(node))

    def _children_of_function(self, node: Function, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        inner = self.inner[id(node)] = Scope("function", scope)
        body = node.body if isinstance(node.body, list) else [node.body]
        self._unconditional.update(map(id, body))
        yield from ((child, scope) for child in _children(node) if isinstance(child, ast.expr) and child is not body[0])
        yield from ((default, scope) for default in _defaults(node.args))
        yield from ((argument, inner) for argument in _parameters(node.args))
        yield from ((child, inner) for child in body)

    def _children_of_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: Scope
    ) -> Iterator[tuple[ast.AST, Scope]]:
        inner = self.inner[id(node)] = Scope("comprehension", scope)
        for number, generator in enumerate(node.generators):
            yield generator.iter, inner if number else scope
            yield from ((child, inner) for child in (generator.target, *generator.ifs))
        yield from ((child, inner) for child in _children(node) if isinstance(child, ast.expr))

    def _bindings(self, node: ast.AST, scope: Scope) -> Iterator[Binding]:
        """Yield the bindings of `node` itself, without its children."""
        match node:
            case ast.Assign():
                for target in node.targets:
                    yield from _to_target(target, node.value, scope, "is")
            case ast.AnnAssign(value=ast.expr() as value):
                yield from _to_target(node.target, value, scope, "is")
                yield from _to_target(node.target, node.annotation, scope, "instance")
            case ast.AugAssign():
                yield from _to_target(node.target, node.value, scope, "added")
            case ast.NamedExpr():
                yield Binding(scope.function().binder(node.target.id), node.target.id, "is", node.value, scope)
            case ast.For() | ast.AsyncFor():
                yield from _to_target(node.target, node.iter, scope, "element")
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                inner = self.inner[id(node)]
                for number, generator in enumerate(node.generators):
                    origin = inner if number else scope
                    yield from _to_target(generator.target, generator.iter, origin, "element", inner)
            case ast.withitem(optional_vars=ast.expr() as target):
                yield from _to_target(target, node.context_expr, scope, "is")
            case ast.Import() | ast.ImportFrom():
                yield from _imported(node, scope)
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                yield Binding(scope.function(), RETURNED, "is", value, scope)
            case ast.Lambda():
                yield Binding(self.inner[id(node)], RETURNED, "is", node.body, self.inner[id(node)])
                yield from _to_parameters(node.args, scope, self.inner[id(node)])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield Binding(scope.binder(node.name), node.name, "is", node, scope)
                yield from _to_parameters(node.args, scope, self.inner[id(node)])
            case ast.Call(func=ast.Attribute(attr=attr, value=ast.Name() as owner)) if attr in _ADDING_METHODS:
                for argument in node.args:
                    yield from _to_name(owner, argument, scope, "held")
            case ast.ClassDef():
                yield Binding(scope.binder(node.name), node.name, "unknown")
                for base in node.bases:
                    yield Binding(scope.binder(node.name), node.name, "is", base, scope)
            case ast.Global():
                scope.declared |= dict.fromkeys(node.names, scope.module)
            case ast.Nonlocal():
                scope.declared |= {name: scope.parent.function() for name in node.names if scope.parent}
            case _:
                yield from (Binding(scope.binder(name), name, "unknown") for name in plain_names(node))


def plain_names(node: ast.AST) -> list[str]:
    """Return the names that `node` binds without a target: of a class, a function, a caught error, a match capture."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
    return []


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children of `node` that have fields."""
    return (child for child in ast.iter_child_nodes(node) if child._fields)


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters; those that can be passed by position come first, in order."""
    extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def _defaults(arguments: ast.arguments) -> Iterable[ast.expr]:
    return [default for default in (*arguments.defaults, *arguments.kw_defaults) if default]


def _to_parameters(arguments: ast.arguments, outer: Scope, inner: Scope) -> Iterator[Binding]:
    """Yield the bindings of parameters by their defaults and annotations, but not by calls."""
    for parameter in _parameters(arguments):
        yield Binding(inner, parameter.arg, "unknown")
        if parameter.annotation:
            yield Binding(inner, parameter.arg, "instance", parameter.annotation, outer)
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)]
    for parameter, default in [*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
        if default:
            yield Binding(inner, parameter.arg, "is", default, outer)


def _to_target(
    target: ast.expr, node: ast.expr, origin: Scope, how: How, scope: Scope | None = None
) -> Iterator[Binding]:
    """Yield the bindings of an assignment.

    Args:
        target: the left side.
        node: the right side.
        origin: the scope in which `node` is evaluated.
        how: see `Binding`.
        scope: the scope of the target's names, `origin` by default.
    """
    match target:
        case ast.Name():
            yield from _to_name(target, node, origin, how, scope)
        case ast.Starred():
            yield from _to_target(target.value, node, origin, "rest" if how == "element" else how, scope)
        case ast.Tuple() | ast.List():
            parts = node.elts if how == "is" and isinstance(node, ast.Tuple | ast.List) else []
            has_star = any(isinstance(part, ast.Starred) for part in target.elts)
            if len(parts) == len(target.elts) and not has_star:
                for inner_target, part in zip(target.elts, parts, strict=True):
                    yield from _to_target(inner_target, part, origin, "is", scope)
            else:
                for inner_target in target.elts:
                    yield from _to_target(inner_target, node, origin, "element", scope)
        case ast.Attribute():
            yield Binding(None, target.attr, how, node, origin)
        case ast.Subscript(value=ast.Name() as owner):
            yield from _to_name(owner, node, origin, "held", scope)


def _to_name(name: ast.Name, node: ast.expr, origin: Scope, how: How, scope: Scope | None = None) -> Iterator[Binding]:
    yield Binding((scope or origin).binder(name.id), name.id, how, node, origin)


def _imported(node: ast.Import | ast.ImportFrom, scope: Scope) -> Iterator[Binding]:
    """Yield the bindings of an import. A relative import is the user's own code, so its value is unknown."""
    for alias in node.names:
        name, dotted = _imported_name(node, alias)
        yield Binding(scope.binder(name), name, "is" if dotted else "unknown", dotted=dotted)


def _imported_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str]:
    """Return the name that an import binds, and the dotted name of its value ("" if it is unknown)."""
    if isinstance(node, ast.ImportFrom):
        dotted = "" if node.level else f"{node.module}.{alias.name}"
        return alias.asname or alias.name, dotted
    if alias.asname:
        return alias.asname, alias.name
    package = alias.name.split(".")[0]
    return package, package
