"""The possible values of names and expressions: through aliases, containers, parameters, attributes and imports.

Nothing is run, and no order is assumed: a name may have every value that its scope ever binds to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from . import tables, type_tables
from .arguments import passed
from .before import Before
from .namespace import USERS, Known
from .scopes import RETURNED, Binding, Scope, Scopes, TooTangledError, plain_names
from .values import (
    MOST,
    PATH,
    UNKNOWN,
    Value,
    Values,
    bounded,
    canonical,
    constant,
    elements,
    held,
    kept,
    spread,
    without,
)

NOTHING = Known()
_KEPT_APART = ("yours", "typed", "method", "result")  # what is added to an object does not become it
_PASSES = 16  # over all bindings, until nothing changes any more


class Program:
    """A syntax tree, and the possible values of each expression in it."""

    def __init__(self, tree: ast.Module, names: frozenset[str], known: Known = NOTHING) -> None:
        """Analyse `tree`. Raises TooTangledError.

        The user's own `names` are bound before the code runs; `known` is what is known of those that it mentions.
        """
        self.before = Before(names, known)
        self.known = known
        self.names = names
        self.prelude = self.before.prelude
        self.body = tree.body
        self.scopes = Scopes(ast.Module([*self.prelude.statements, *tree.body], []))
        nodes = [node for node, _ in self.scopes.nodes]
        self.loaded = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        self.defined = {name for node in nodes for name in plain_names(node)}
        self.classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
        self._known: dict[tuple[Scope | None, str], Values] = {}
        self._memo: dict[int, Values] = {}
        self._empty: Values = frozenset()  # the values of an expression without any; unknown once nothing changes
        calls = [(node, scope) for node, scope in self.scopes.nodes if isinstance(node, ast.Call)]
        for _ in range(_PASSES):
            self._memo.clear()
            changed = [self._apply(binding) for binding in self.scopes.bindings]
            changed += [self._pass_arguments(call, scope) for call, scope in calls]
            if not any(changed):
                self._empty = UNKNOWN
                return
        raise TooTangledError("its names cannot be followed")

    def of(self, node: ast.AST, scope: Scope) -> Values:
        """Return the possible values of `node` if it is evaluated in `scope`, `UNKNOWN` at least."""
        if id(node) not in self._memo:
            self._memo[id(node)] = bounded(self._evaluate(node, scope)) or self._empty
        return self._memo[id(node)]

    def functions(self, node: ast.Call, scope: Scope) -> Values:
        """Return the possible values of the called function. A module is not also the object of the user."""
        values = self.of(node.func, scope)
        is_known = any(value.kind in ("name", "function", "method") for value in values)
        return without(values, "yours") if is_known else values

    def yours(self, node: ast.expr, scope: Scope) -> frozenset[str]:
        """Return the names of the user's objects that a change of `node` changes."""
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        of_root = kept(self.of(root, scope), "yours")
        others = kept(self.of(node, scope), "yours") - of_root  # an attribute may hold what its object does not
        if of_root and isinstance(root, ast.Name) and scope.owner(root.id) is scope:
            of_root &= elements(self._since(root, scope))
        found = of_root | others
        return frozenset(value.content for value in found)

    def _since(self, name: ast.Name, scope: Scope) -> Values:
        """Return the possible values of a name since the last unconditional assignment before it."""
        bound = scope.bound[name.id]
        position = (name.lineno, name.col_offset)
        assignments = [
            index
            for index, binding in enumerate(bound[:MOST])
            if binding.is_unconditional and binding.position < position
        ]
        if not assignments or len(bound) > MOST:
            return self._name(name.id, scope)
        return frozenset[Value]().union(*(self._values_of(binding) for binding in bound[assignments[-1] :]))

    def source(self, name: ast.Name, scope: Scope) -> tuple[ast.AST, Scope] | None:
        """Return the only expression to which `name` is bound, and its scope; None if there are several or none."""
        owner = scope.owner(name.id)
        match owner.bound[name.id] if owner else []:
            case [Binding(how="is", node=ast.AST() as node, origin=Scope() as origin)]:
                return node, origin
        return None

    def _apply(self, binding: Binding) -> bool:
        """Add the values of a binding to those of its name; return whether any was new."""
        scope = binding.scope
        if scope and binding.how == "held":
            scope = scope.owner(binding.name) or scope.module
        values = self._values_of(binding)
        is_new = self._add((scope, binding.name), values)
        if scope is not None and scope.kind == "class":  # a name of a class is an attribute as well
            is_new |= self._add((None, binding.name), values)
        return is_new

    def _add(self, key: tuple[Scope | None, str], values: Values) -> bool:
        known = self._known.get(key, frozenset())
        self._known[key] = bounded(known | values)
        return self._known[key] != known

    def _values_of(self, binding: Binding) -> Values:
        if binding.dotted:
            return frozenset({Value("name", canonical(binding.dotted))})
        if binding.node is None or binding.origin is None:
            return UNKNOWN
        values = self.of(binding.node, binding.origin)
        match binding.how:
            case "element":
                return elements(values)
            case "added":
                return frozenset(value for value in values if value.kind not in _KEPT_APART) | UNKNOWN
            case "held" | "rest":
                return held(elements(values)) if binding.how == "rest" else held(values)
            case "instance":
                return frozenset({PATH}) if self._mentions_path(binding.node, binding.origin) else UNKNOWN
        return values

    def _mentions_path(self, annotation: ast.AST, scope: Scope) -> bool:
        nodes = (node for node in ast.walk(annotation) if isinstance(node, ast.expr))
        return any(value.content in tables.PATHS for node in nodes for value in self.of(node, scope))

    def _pass_arguments(self, call: ast.Call, scope: Scope) -> bool:
        """Add the arguments of a call to the values of the parameters; return whether any was new."""
        changed = False
        for function, name, values in passed(call, scope, self):
            inner = self.scopes.inner[id(function)]
            changed |= name in inner.bound and self._add((inner, name), values)
        return changed

    def _evaluate(self, node: ast.AST, scope: Scope) -> Values:
        match node:
            case ast.Constant():
                return constant(node.value)
            case ast.Name():
                return self._name(node.id, scope)
            case ast.Attribute():
                return self.attribute(self.of(node.value, scope), node.attr)
            case ast.Call():
                return self._call(node, scope)
            case ast.Subscript():
                values = elements(self.of(node.value, scope))
                return values if isinstance(node.slice, ast.Constant) else without(values, "yours") | UNKNOWN
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                return frozenset({Value("function", node)})
            case ast.List() | ast.Tuple() | ast.Set():
                return held(self.any_of(node.elts, scope))
            case ast.Dict():
                return held(self.any_of([part for part in (*node.keys, *node.values) if part], scope))
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return held(self.of(node.elt, self.scopes.inner[id(node)]))
            case ast.DictComp():
                return held(self.any_of([node.key, node.value], self.scopes.inner[id(node)]))
            case ast.IfExp():
                return self.any_of([node.body, node.orelse], scope)
            case ast.BoolOp():
                return self.any_of(node.values, scope)
            case ast.NamedExpr() | ast.Await() | ast.Starred() | ast.FormattedValue() | ast.YieldFrom():
                return self.of(node.value, scope)
            case ast.JoinedStr():
                return kept(self.any_of(node.values, scope), "url") | UNKNOWN
            case ast.BinOp():
                return self._operation(node, scope)
        return UNKNOWN

    def any_of(self, nodes: Iterable[ast.expr], scope: Scope) -> Values:
        """Return the possible values of one of `nodes`."""
        return bounded(frozenset[Value]().union(*(self.of(node, scope) for node in nodes)))

    def _name(self, name: str, scope: Scope) -> Values:
        owner = scope.owner(name)
        values = self._known.get((owner or scope.module, name), frozenset())
        if owner is None or (owner.kind == "module" and (name in self.names or name in self.known.entries)):
            values |= self._before(name)
        return values

    def _before(self, name: str) -> Values:
        """Return the possible values of a name before the code runs."""
        values = self.before.values(name)
        bound = self.before.bound(name)
        return self.attribute(values, bound) if bound else values

    def attribute(self, values: Values, attr: str) -> Values:
        """Return the possible values of the attribute `attr` of `values`."""
        if attr == "__call__":
            return values
        found: set[Value] = set()
        for value in values:
            match value.kind:
                case "name":
                    if value.content.startswith(USERS):
                        found |= self.before.method(value.content, attr)
                    found.add(Value("name", canonical(f"{value.content}.{attr}")))
                case "typed" | "method":
                    if value.kind == "typed":
                        found |= self.before.method(value.content, attr)
                    found.add(Value("method", f"{value.content}.{attr}"))
                case "result":
                    found.add(Value("name", f"{value.content}.{attr}"))
                case "path":
                    found.add(PATH if attr in ("parent", "parents") else Value("name", f"pathlib.Path.{attr}"))
                case "yours" | "url" | "dynamic":
                    found.add(value)
        if values and not found:
            return self._known.get((None, attr), frozenset()) | UNKNOWN
        if not UNKNOWN.isdisjoint(values):  # a class of the code, too
            found |= kept(self._known.get((None, attr), frozenset()), "function")
        return frozenset(found)

    def _operation(self, node: ast.BinOp, scope: Scope) -> Values:
        operands = self.of(node.left, scope) | self.of(node.right, scope)
        if isinstance(node.op, ast.Div) and PATH in operands:
            return frozenset({PATH})
        match node:
            case ast.BinOp(left=ast.Constant(value=str(start)), op=ast.Add(), right=ast.Constant(value=str(end))):
                return constant(start + end)
            case ast.BinOp(op=ast.Add()):
                return frozenset(value for value in operands if value.kind in ("url", "container", "path")) | UNKNOWN
        return kept(operands, "url") | UNKNOWN

    def _call(self, node: ast.Call, scope: Scope) -> Values:
        found = [self._result(value, node, scope) for value in self.functions(node, scope)]
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and name in tables.VIEWS:
            values = self.of(node.func.value, scope)
            found.append(spread(values) if name in ("items", "values", "keys") else elements(values))
        if isinstance(node.func, ast.Attribute) and name in type_tables.PARTS:
            found.append(kept(self.of(node.func.value, scope), "yours"))
        if name in tables.JOINS:
            receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            found.append(kept(self.any_of([*receiver, *node.args], scope), "url"))
        return frozenset[Value]().union(*found)

    def _result(self, value: Value, node: ast.Call, scope: Scope) -> Values:
        """Return the possible results of calling `value`."""
        if value.kind == "name":
            return self._called(value.content, node, scope)
        if value.kind == "function":
            inner = self.scopes.inner[id(value.content)]
            return self._known.get((inner, RETURNED), frozenset())
        return frozenset({value}) if value.kind in ("url", "dynamic") else UNKNOWN

    def _called(self, dotted: str, node: ast.Call, scope: Scope) -> Values:
        module, _, last = dotted.rpartition(".")
        if dotted in tables.PATHS or (module in tables.PATHS and last in tables.PATH_METHODS):
            return frozenset({PATH})
        if dotted in ("builtins.__import__", "importlib.import_module", "importlib.__import__"):
            return self._imported(node, scope, whole=last != "__import__")
        if dotted == "builtins.getattr":
            return self._got(node, scope)
        if dotted in tables.WRAPPERS:
            return self.any_of(node.args[:1], scope)
        if module in ("builtins", "itertools") and last in tables.PASSED_ON:
            words = [keyword.value for keyword in node.keywords] if last == "dict" else []
            return spread(self.any_of(node.args, scope)) | held(self.any_of(words, scope))
        if dotted == "builtins.type" and len(node.args) == 1:
            return frozenset(_type_of(value) for value in self.of(node.args[0], scope))
        if dotted in tables.FOLLOWED:
            return frozenset({Value("result", dotted)})
        return frozenset({Value("typed", dotted)}) if _is_class(dotted) else UNKNOWN

    def _imported(self, node: ast.Call, scope: Scope, whole: bool) -> Values:
        """Return the modules that `__import__` or `import_module` may return; `whole`: not only the top package."""
        values = self.any_of(node.args[:1], scope)
        texts = [value.content for value in kept(values, "text")]
        if not whole:
            texts = [text.split(".")[0] for text in texts]
        modules = frozenset(Value("name", canonical(text)) for text in texts)
        return modules | UNKNOWN if without(values, "text") else modules

    def _got(self, node: ast.Call, scope: Scope) -> Values:
        """Return the possible results of `getattr`."""
        unknown_attribute = frozenset({Value("dynamic", "getattr")})
        if len(node.args) < 2:
            return unknown_attribute
        base = self.of(node.args[0], scope)
        names = self.of(node.args[1], scope)
        default = self.any_of(node.args[2:], scope)
        found = default.union(*(self.attribute(base, value.content) for value in kept(names, "text")))
        return found | unknown_attribute if without(names, "text") else found


def _is_class(dotted: str) -> bool:
    """Return whether a dotted name looks like that of a class."""
    last = dotted.rpartition(".")[2].removeprefix(USERS)
    return dotted.startswith(USERS) or (last[:1].isupper() and not last.isupper()) or dotted in type_tables.MAKERS


def _type_of(value: Value) -> Value:
    if value.kind == "typed":
        return Value("name", value.content)
    return Value("name", "pathlib.Path") if value == PATH else Value("unknown")
