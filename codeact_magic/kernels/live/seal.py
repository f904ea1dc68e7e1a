"""Puts back what an action changed of the code that asks, shows, scans, runs and records.

An action runs in the same process, so it can change all of it by name: a method of this package, a transformer or a
hook of IPython, an option. What is there before the action is noted; after it, what differs is put back and named. So
the next step is asked about, and runs as it is shown. The user's own cells may change what they like.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

PACKAGE = __package__.partition(".")[0]
# Libraries whose hooks and transformers a step may install: plots are shown by one, and modules loaded anew by another.
KNOWN = frozenset(["IPython", "ipykernel", "matplotlib", "matplotlib_inline", "ipympl", "ipywidgets"])
RUN = frozenset(
    "run_cell _run_cell run_cell_async should_run_async transform_cell transform_ast run_ast_nodes run_code "
    "run_line_magic run_cell_magic find_magic find_line_magic find_cell_magic".split()
)
_MISSING = object()

PutBack = Callable[[list[str]], None]


def sealed(shell: Any, guarded: Sequence[object]) -> Callable[[], list[str]]:
    """Note how everything is, and return a function that puts it back and returns the names of what was changed.

    `guarded` are the objects that decide in this turn.
    """
    importlib.import_module(f"{PACKAGE}.risk")  # otherwise an action could be the first to import it, and change it
    noted: list[PutBack] = [
        *(one for module in _modules() for one in _module(module)),
        *_shell(shell),
        *(one for thing in guarded for one in _object(thing)),
    ]

    # The names are bound here: an action that changes this module changes nothing of what runs after it.
    def put_back(noted: Sequence[PutBack] = tuple(noted)) -> list[str]:
        changed: list[str] = []
        for one in noted:
            one(changed)
        return changed

    return put_back


def _modules() -> list[ModuleType]:
    return [module for name, module in sys.modules.copy().items() if name.partition(".")[0] == PACKAGE]


def _module(module: ModuleType) -> Iterator[PutBack]:
    name = module.__name__.removeprefix(f"{PACKAGE}.")
    yield _attributes(module, name)
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield _attributes(value, value.__name__)
            for attribute, member in list(vars(value).items()):
                yield from _functions(member, f"{value.__name__}.{attribute}")
        elif getattr(value, "__module__", None) == module.__name__:
            yield from _functions(value, f"{name}.{getattr(value, '__name__', '')}")
        elif isinstance(value, dict | list | set):
            yield _container(value, name)


def _attributes(owner: Any, name: str) -> PutBack:
    """Note the attributes of a module or a class."""
    before = {key: value for key, value in vars(owner).items() if key != "__builtins__"}

    def put_back(
        changed: list[str], *, vars: Any = vars, setattr: Any = setattr, delattr: Any = delattr, dict: Any = dict
    ) -> None:
        now = dict(vars(owner))
        for key, value in before.items():
            if now.pop(key, _MISSING) is not value and not (key.startswith("__") and key not in ("__call__",)):
                setattr(owner, key, value)
                changed.append(f"{name}.{key}")
        for key, value in now.items():
            if not key.startswith("__") and not isinstance(value, ModuleType):
                delattr(owner, key)
                changed.append(f"{name}.{key}")

    return put_back


def _functions(member: Any, name: str) -> Iterator[PutBack]:
    """Note what the functions of an attribute run."""
    found = [member, getattr(member, "__func__", None), getattr(member, "fget", None)]
    for function in found:
        if isinstance(function, FunctionType):
            yield _code(function, name)


def _code(function: FunctionType, name: str) -> PutBack:
    code = function.__code__
    defaults = function.__defaults__
    by_name = function.__kwdefaults__

    def put_back(changed: list[str]) -> None:
        if function.__code__ is not code or function.__defaults__ is not defaults:
            function.__code__ = code
            function.__defaults__ = defaults
            function.__kwdefaults__ = by_name
            changed.append(name)

    return put_back


def _container(value: Any, name: str) -> PutBack:
    before = value.copy()

    def put_back(changed: list[str]) -> None:
        if value == before:
            return
        value.clear()
        if isinstance(value, list):
            value.extend(before)
        else:
            value.update(before)
        changed.append(f"the tables of {name}")

    return put_back


# -- IPython -----------------------------------------------------------------------------------------------------------


def _shell(shell: Any) -> Iterator[PutBack]:
    manager = getattr(shell, "input_transformer_manager", None)
    compiler = getattr(shell, "compile", None)
    for owner, only in ((shell, RUN), (manager, None), (compiler, None)):
        if owner is not None:
            yield from _methods(owner, only)
    for name in ("input_transformer_manager", "compile", "events", "magics_manager"):
        if hasattr(shell, name):
            yield _same(shell, name)
    for owner, name in [
        *((manager, name) for name in ("cleanup_transforms", "line_transforms", "token_transformers")),
        *((shell, name) for name in ("input_transformers_post", "ast_transformers")),
    ]:
        if isinstance(getattr(owner, name, None), list):
            yield _hooks(f"IPython's {name}", partial(getattr, owner, name), partial(setattr, owner, name))
    callbacks = getattr(getattr(shell, "events", None), "callbacks", {})
    for event in callbacks:
        yield _hooks(
            f"IPython's hook {event}", partial(callbacks.__getitem__, event), partial(callbacks.__setitem__, event)
        )
    yield from _magics(getattr(shell, "magics_manager", None))


def _methods(owner: Any, only: frozenset[str] | None) -> Iterator[PutBack]:
    """Note the methods of an object of IPython's, in its classes and in itself; `only` names them (None: all)."""
    names: set[str] = set()
    for kind in type(owner).__mro__:
        if kind.__module__.partition(".")[0] not in KNOWN:
            continue
        for name, function in list(vars(kind).items()):
            if isinstance(function, FunctionType) and (only is None or name in only):
                names.add(name)
                yield _code(function, f"IPython's {name}")
                yield _same(kind, name)
    for name in names:
        yield _same(owner, name)


def _same(owner: Any, name: str) -> PutBack:
    """Note one attribute of an object's or a class's own, or that it has none."""
    is_own = name in vars(owner)
    before = vars(owner)[name] if is_own else getattr(owner, name, _MISSING)

    def put_back(changed: list[str]) -> None:
        if is_own and vars(owner).get(name) is not before:
            setattr(owner, name, before)
            changed.append(f"IPython's {name}")
        elif not is_own and name in vars(owner):
            delattr(owner, name)
            changed.append(f"IPython's {name}")
        elif not is_own and not callable(before) and getattr(owner, name, _MISSING) is not before:
            setattr(owner, name, before)  # a trait
            changed.append(f"IPython's {name}")

    return put_back


def _hooks(name: str, get: Callable[[], list[Any]], put: Callable[[list[Any]], object]) -> PutBack:
    """Note a list of functions. Those that a known library adds may stay."""
    hooks = get()
    before = list(hooks)

    def put_back(changed: list[str]) -> None:
        now = get()
        wanted = [*before, *(hook for hook in now if not any(hook is one for one in before) and _is_known(hook))]
        is_same = len(now) == len(wanted) and all(one is other for one, other in zip(now, wanted, strict=True))
        if now is not hooks or not is_same:
            hooks[:] = wanted
            put(hooks)
            changed.append(name)

    return put_back


def _is_known(hook: Any) -> bool:
    """Return whether a hook is a function of a known library, which that library still has."""
    function = getattr(hook, "__func__", hook)
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    if module is None or module.__name__.partition(".")[0] not in KNOWN:
        return False
    found: Any = module
    for part in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    return found is function


def _magics(manager: Any) -> Iterator[PutBack]:
    """Note our own magics and their options."""
    if manager is None:
        return
    for kind in ("line", "cell"):
        magics = manager.magics[kind]
        yield _item(magics, "codeact", f"the magic {'%' if kind == 'line' else '%%'}codeact")
    yield _item(manager.registry, "CodeAct", "the magics of CodeAct")
    if (ours := manager.registry.get("CodeAct")) is not None:
        yield _options(ours)
        yield _shadows(ours)


def _item(mapping: Any, key: str, name: str) -> PutBack:
    before = mapping.get(key, _MISSING)

    def put_back(changed: list[str]) -> None:
        if before is not _MISSING and mapping.get(key, _MISSING) is not before:
            mapping[key] = before
            changed.append(name)

    return put_back


def _options(options: Any) -> PutBack:
    before = options.by_name()

    def put_back(changed: list[str]) -> None:
        for name, value in before.items():
            if getattr(options, name) != value:
                setattr(options, name, value)
                changed.append(f"the option {name}")

    return put_back


# -- the objects that decide -------------------------------------------------------------------------------------------


def _object(thing: Any) -> Iterator[PutBack]:
    before = dict(vars(thing))

    def put_back(changed: list[str]) -> None:
        now = vars(thing)
        names = [name for name in now.keys() | before.keys() if now.get(name, before) is not before.get(name, now)]
        if names:
            now.clear()
            now.update(before)
            changed.extend(f"{type(thing).__name__}.{name}" for name in sorted(names))

    yield put_back
    for value in before.values():
        if type(value).__module__.partition(".")[0] == PACKAGE and hasattr(value, "__dict__"):
            yield _shadows(value)


def _shadows(thing: Any) -> PutBack:
    """Note that an object has no attributes in the place of its methods."""
    names = [name for name in dir(type(thing)) if not name.startswith("__") and callable(getattr(type(thing), name))]
    own = [name for name in names if name not in vars(thing)]

    def put_back(changed: list[str]) -> None:
        for name in own:
            if name in vars(thing):
                delattr(thing, name)
                changed.append(f"{type(thing).__name__}.{name}")

    return put_back
