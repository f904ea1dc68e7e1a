"""What the names of a session stand for, over all its code: modules, functions, values that cannot be changed, frames.

No order is assumed: a name is what all of its bindings make of it.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..risk import tables as known
from ..risk.ipython_syntax import Command, parse
from ..risk.magics import is_magic
from ..risk.scopes import Binding, Scope, Scopes
from . import tables

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_DEEPEST = 100  # nodes in nodes


@dataclass(frozen=True)
class Code:
    """Code that could be read: its tree, its IPython lines, and the scope of every node."""

    tree: ast.Module
    commands: tuple[Command, ...]
    scopes: Scopes
    scope_of: dict[int, Scope]  # by the id of the node
    lambdas: frozenset[Scope]

    def is_global(self, name: str, node: ast.AST) -> bool:
        """Tell whether `name`, read or bound at `node`, is one of the namespace's."""
        scope = self.scope_of.get(id(node))
        owner = scope.owner(name) if scope else None
        return owner is None or owner.kind == "module"

    def is_later(self, node: ast.AST) -> bool:
        """Tell whether `node` runs when a function is called that `def` makes; a lambda may be called at once."""
        scope = self.scope_of.get(id(node))
        while scope:
            if scope.kind == "function" and scope not in self.lambdas:
                return True
            scope = scope.parent
        return False


def read(source: str) -> Code | None:
    """Return what can be known of `source`, None where it cannot be read."""
    try:
        tree, commands = parse(source.replace("\r\n", "\n").replace("\r", "\n"), is_magic)
        if _is_deep(tree):
            return None
        scopes = Scopes(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lambdas = frozenset(scopes.inner[id(node)] for node, _ in scopes.nodes if isinstance(node, ast.Lambda))
    return Code(tree, commands, scopes, {id(node): scope for node, scope in scopes.nodes}, lambdas)


def _is_deep(tree: ast.Module) -> bool:
    """Tell whether `tree` is too deep to go down in it."""
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


class Facts:
    """What the names stand for in all of `codes`."""

    def __init__(self, codes: Iterable[Code]) -> None:
        self.codes = list(codes)
        self.bindings: dict[str, list[Binding]] = defaultdict(list)
        for code in self.codes:
            for binding in code.scopes.bindings:
                if binding.scope and binding.scope.kind == "module" and binding.how not in ("held", "instance"):
                    self.bindings[binding.name].append(binding)
        self._classes: dict[str, list[ast.ClassDef]] = defaultdict(list)
        for code in self.codes:
            for statement in code.tree.body:
                if isinstance(statement, ast.ClassDef):
                    self._classes[statement.name].append(statement)
        self.modules = {name: dotted for name in self.bindings if (dotted := self._module(name))}
        self.definitions = {name: found for name in self.bindings if (found := list(self._definitions(name)))}
        self.immutable = self._settled(self._is_immutable, self.bindings)
        self.frames = self._settled(self._is_frame, self.bindings.keys() - self.immutable)
        self.seeded = any(self._seeds())
        self.methods = {
            part.name
            for code in self.codes
            for node, _ in code.scopes.nodes
            if isinstance(node, ast.ClassDef)
            for part in node.body
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.iterators: set[str] = set()  # names whose values are used up by going through them
        self.changers: set[str] = set()  # functions that may change what they are given

    # -- names ---------------------------------------------------------------------------------------------------------

    def _module(self, name: str) -> str:
        """Return the dotted name that `name` was imported as, "" where it is or may be something else."""
        dotted = {binding.dotted for binding in self.bindings[name]}
        return dotted.pop() if len(dotted) == 1 else ""

    def _definitions(self, name: str) -> Iterator[Definition]:
        for binding in self.bindings[name]:
            if isinstance(binding.node, DEFINITIONS):
                yield binding.node
        yield from self._classes[name]

    def is_function(self, name: str) -> bool:
        """Tell whether `name` is nothing but functions and classes that are defined here."""
        return name in self.definitions and len(self.definitions[name]) == len(self.bindings[name])

    def has_state(self, name: str) -> bool:
        """Tell whether a function or class of that name keeps something from one call to the next by itself."""
        return any(map(_has_state, self.definitions.get(name, ())))

    def dotted(self, node: ast.expr) -> str:
        """Return the full dotted name of what `node` leads to, "" where that is not in a module."""
        match node:
            case ast.Name(id=name) if name in self.modules:
                return self.modules[name]
            case ast.Name(id=name) if name not in self.bindings and name in known.CONVENTIONS:
                return known.CONVENTIONS[name]
            case ast.Attribute():
                base = self.dotted(node.value)
                return base and f"{base}.{node.attr}"
        return ""

    def is_builtin(self, name: str) -> bool:
        """Tell whether `name` is a built-in that the session does not rebind."""
        return name not in self.bindings and (hasattr(builtins, name) or name in ("display", "exit", "quit"))

    def _seeds(self) -> Iterator[bool]:
        for code in self.codes:
            for node, _ in code.scopes.nodes:
                yield (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute | ast.Name)
                    and ((node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id) in tables.SEEDS)
                )

    # -- values --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _settled(fits: Callable[[str, set[str]], bool], names: Iterable[str]) -> set[str]:
        """Return the largest set of `names` of which each one fits, given the others."""
        found = set(names)
        while unfit := {name for name in found if not fits(name, found)}:
            found -= unfit
        return found

    def _is_immutable(self, name: str, others: set[str]) -> bool:
        return all(self._binds_immutable(binding, others) for binding in self.bindings[name])

    def _binds_immutable(self, binding: Binding, others: set[str]) -> bool:
        if binding.node is None or (binding.origin and binding.origin.kind not in ("module", "comprehension")):
            return False
        if binding.how == "element":
            match binding.node:
                case ast.Call(func=ast.Name(id="range")):
                    return self.is_builtin("range")
                case ast.List() | ast.Tuple() | ast.Set():
                    return all(self.immutable_value(part, others) for part in binding.node.elts)
            return isinstance(binding.node, ast.Constant)
        return binding.how == "is" and self.immutable_value(binding.node, others)

    def immutable_value(self, node: ast.AST, names: set[str] | None = None) -> bool:
        """Tell whether the value of `node` certainly is a number, a string or the like."""
        names = self.immutable if names is None else names
        match node:
            case ast.Constant() | ast.JoinedStr():
                return True
            case ast.Name(id=name):
                return name in names
            case ast.UnaryOp(operand=inner) | ast.NamedExpr(value=inner) | ast.Subscript(value=inner):
                return self.immutable_value(inner, names)
            case ast.BinOp(left=left, right=right):
                return self.immutable_value(left, names) and self.immutable_value(right, names)
            case ast.Compare():
                return all(self.immutable_value(part, names) for part in (node.left, *node.comparators))
            case ast.BoolOp():
                return all(self.immutable_value(part, names) for part in node.values)
            case ast.IfExp():
                return self.immutable_value(node.body, names) and self.immutable_value(node.orelse, names)
            case ast.Tuple():
                return all(self.immutable_value(part, names) for part in node.elts)
            case ast.Call():
                return self._gives_immutable(node, names)
        return False

    def _gives_immutable(self, node: ast.Call, names: set[str]) -> bool:
        match node.func:
            case ast.Name(id=name) if self.is_builtin(name):
                given = all(self.immutable_value(part, names) for part in node.args) and not node.keywords
                return name in tables.IMMUTABLE_BUILTINS or (
                    name in ("abs", "round", "min", "max", "pow", "sum") and given
                )
            case ast.Attribute(value=base, attr=attr):
                of_text = attr in tables.STRING_METHODS and self.immutable_value(base, names)
                return of_text or self.dotted(node.func).startswith("math.")
        return False

    def _is_frame(self, name: str, others: set[str]) -> bool:
        return all(self._binds_frame(binding, others) for binding in self.bindings[name])

    def _binds_frame(self, binding: Binding, others: set[str]) -> bool:
        at_once = binding.origin is not None and binding.origin.kind == "module"
        return at_once and binding.how == "is" and binding.node is not None and self.frame_value(binding.node, others)

    def frame_value(self, node: ast.AST, names: set[str] | None = None) -> bool:
        """Tell whether the value of `node` is one of numpy or pandas, as far as the code tells."""
        names = self.frames if names is None else names
        match node:
            case ast.Name(id=name):
                return name in names
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
                return self.frame_value(inner, names)
            case ast.BinOp(left=left, right=right):
                return self.frame_value(left, names) or self.frame_value(right, names)
            case ast.Compare():
                return self.frame_value(node.left, names)
            case ast.Call(func=ast.Attribute(value=base, attr=attr)):
                if dotted := self.dotted(node.func):
                    return dotted.split(".")[0] in tables.FRAMES and attr not in tables.GENERATORS
                return attr not in tables.NO_FRAME and self.frame_value(base, names)
        return False


def _has_state(definition: Definition) -> bool:
    if isinstance(definition, ast.ClassDef):
        return True
    defaults = (*definition.args.defaults, *filter(None, definition.args.kw_defaults))
    fixed = all(isinstance(default, ast.Constant | ast.Name) for default in defaults)
    return not fixed or bool(getattr(definition, "decorator_list", None))
