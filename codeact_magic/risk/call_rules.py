"""The effects of a call, by its function and its arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from . import by_type, file_rules, library, magics, tables, text_rules
from .call import Call, unparsed
from .file_rules import target
from .ipython_syntax import Command
from .magics import Effect
from .text_rules import Rule
from .values import NONE, URL, names
from .wording import words

_SHELL = "IPython.get_ipython"


def judge(call: Call) -> Iterator[Effect]:
    """Yield the effects of a call."""
    effects: list[Effect] = []
    for dotted in call.names:
        effects += _by_name(call, dotted)
    for dotted in call.methods:
        effects += by_type.judge(call, dotted)
    if any(value.kind == "dynamic" for value in call.functions):
        effects.append(("unreadable", call.label()))
    if isinstance(call.node.func, ast.Attribute) and call.method in tables.INNARDS:
        effects.append(("unreadable", call.method))
    is_known = bool(call.names) and all(value.kind == "name" and _is_known(value.content) for value in call.functions)
    if call.method and not is_known:
        effects += _by_method(call, call.method)
    if not any(kind in ("network", "downloads") for kind, _ in effects):
        effects += _fetched(call)
    if call.may_be_true("num_workers"):
        effects.append(words("process", call.label(*call.names[:1])))
    effects += _handed_on(call)
    yield from effects
    yield from by_type.changed(call)


def _is_known(dotted: str) -> bool:
    """Return whether the rules know the function itself, so that there is no need to judge it by its bare name."""
    if dotted in _RULES or dotted in library.HARMLESS or dotted.startswith(_SHELL):
        return True
    return library.touched(dotted) is not None


def _by_name(call: Call, dotted: str) -> Iterator[Effect]:
    if dotted in _RULES:
        yield from _RULES[dotted](call, dotted)
    elif dotted.startswith(_SHELL + "."):
        yield from _on_shell(call, dotted.removeprefix(_SHELL + "."))
    elif known := library.touched(dotted):
        file = target(call, dotted)
        if known[0] not in ("writes", "deletes") or not call.is_reported(file):
            yield words(known[0], dotted if known[1] in library.OBJECTS else known[1], call.shown(file))
        if dotted == "urllib.request.urlretrieve" and (name := call.argument(1, "filename")):
            yield words("writes", dotted, call.shown(name))
        if known[0] in ("process", "installs"):
            yield from magics.installs(" ".join(call.shown(part) for part in _spread(call)))
    elif dotted.startswith("sys.path.") and dotted.rpartition(".")[2] in tables.CHANGES:
        yield "environment", "sys.path"
    elif method := dotted.rpartition(".")[2]:
        if call.method != method:
            yield from _by_method(call, method)


def _by_method(call: Call, method: str) -> Iterator[Effect]:
    kind = tables.touches(method)
    file = target(call, method)
    if method in _METHODS:
        yield from _METHODS[method](call, method)
    elif kind in ("writes", "deletes"):
        is_absent = file is None or NONE in call.of(file)
        if not call.is_reported(file) and not (is_absent and method in tables.NEED_TARGET):
            yield kind, call.shown(file) or f"files with {method}"
    elif kind:
        yield words(kind, call.label())
    elif tables.WRITES.match(method):
        yield from (("writes", text) for text in _file_names(call))


def _file_names(call: Call) -> list[str]:
    texts = [text for argument in call.arguments() for text in call.texts(argument) or ()]
    return [text for text in texts if tables.FILE_NAME.fullmatch(text)]


def _spread(call: Call) -> Iterator[ast.expr]:
    """Yield the arguments; in place of a list or tuple, its elements."""
    for argument in call.node.args:
        if isinstance(argument, ast.List | ast.Tuple):
            yield from argument.elts
        else:
            yield argument


def _fetched(call: Call) -> Iterator[Effect]:
    """Yield the network if the function gets a web address, or an argument that asks it to download."""
    if any(call.may_be_true(word) for word in tables.FETCH_WORDS):
        yield words("network", call.label(*call.names[:1]))
    for name in call.names or [call.method]:
        if tables.FETCHES.match(name.rpartition(".")[2]) and any(URL in call.of(part) for part in call.arguments()):
            yield words("network", call.label(name if call.names else ""))


def _handed_on(call: Call) -> Iterator[Effect]:
    """Yield functions whose effects depend on their arguments, if another function gets to call them."""
    if any(dotted == "functools.partial" or dotted in tables.LOOKING for dotted in call.names):
        return
    for argument in call.arguments():
        for dotted in names(call.of(argument)):
            if dotted in tables.OPENERS and dotted.rpartition(".")[2] == "open":
                yield words("writes", dotted)
            elif dotted in ("builtins.getattr", "builtins.setattr", "builtins.delattr"):
                yield words("unreadable", dotted)
        if not any(dotted.startswith("builtins.") for dotted in call.names):
            yield from by_type.connections(argument, call)


def _load(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield a loader that runs code from the file, unless an argument forbids it."""
    loader = call.argument(1, "Loader") if dotted.startswith("yaml") else None
    is_safe = loader and all(_is_safe_loader(str(value.content)) for value in call.of(loader))
    if not is_safe and not (dotted == "torch.load" and call.is_true("weights_only")):
        yield words("unreadable", dotted)


def _is_safe_loader(name: str) -> bool:
    return "Safe" in name or "Base" in name


def _numpy_load(call: Call, dotted: str) -> Iterator[Effect]:
    if call.may_be_true("allow_pickle"):
        yield words("unreadable", dotted)


def _import(call: Call, dotted: str) -> Iterator[Effect]:
    if not call.texts(call.argument(0, "name")):
        yield words("unreadable", dotted)


def _getattr(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield an unknown attribute of a module, or an attribute that leads into the interpreter."""
    texts = call.texts(call.argument(1))
    base = call.of(call.first())
    if any(text in tables.INNARDS for text in texts or ()):
        yield words("unreadable", dotted)
    if texts is None and any(value.kind == "name" for value in base):
        yield "unreadable", unparsed(call.node, 40) or f"getattr({call.shown(call.argument(0))}, …)"


def _setattr(call: Call, dotted: str) -> Iterator[Effect]:
    base = call.first()
    for name in sorted(call.program.yours(base, call.scope)):
        yield "changes name", f"your {name}"
    for name in names(call.of(base)):
        if name not in call.program.names:
            yield "environment", name


def _partial(call: Call, dotted: str) -> Iterator[Effect]:
    if call.node.args:
        inner = ast.Call(call.node.args[0], call.node.args[1:], call.node.keywords)
        opens = any(dotted in tables.OPENERS for dotted in names(call.of(call.node.args[0])))
        if opens and len(call.node.args) == 2:  # the mode may come with the call
            yield words("writes", dotted, call.shown(call.node.args[1]))
        else:
            yield from judge(Call(inner, call.scope, call.program))


def _set_attribute(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield an attribute that is set past its object, unless a method sets its own."""
    if not isinstance(call.first(), ast.Name) or call.shown(call.first()) != "self":
        yield words("environment", dotted)


def _on_shell(call: Call, method: str) -> Iterator[Effect]:
    """Yield the effects of a method of IPython's shell; a magic has the effects of the same magic on a line."""
    texts = [_only(call.texts(argument)) for argument in call.node.args]
    match method, texts:
        case (("system" | "getoutput" | "system_piped" | "system_raw"), [str(text)]):
            yield from magics.shell(text)
        case "run_line_magic", [str(name), str(text)]:
            yield from magics.judge(Command("%", name, text, 0))
        case "run_cell_magic", [str(name), str(text), str(body)]:
            yield from magics.judge(Command("%%", name, text, 0, body))
        case "magic", [str(text)]:
            name, _, rest = text.partition(" ")
            yield from magics.judge(Command("%", name, rest, 0))
        case _:
            yield "magic", f"get_ipython().{method}"


def _only(texts: list[str] | None) -> str | None:
    """Return the only one of `texts`, None if there is not exactly one."""
    return texts[0] if texts and len(texts) == 1 else None


def _run(call: Call, method: str) -> Iterator[Effect]:
    """Yield a `run` of an unknown object whose arguments look like those of a process.

    An earlier step may have imported subprocess under another name.
    """
    has_process_options = any(keyword.arg in tables.RUN_WORDS for keyword in call.node.keywords)
    if has_process_options or isinstance(call.argument(0), ast.List | ast.Tuple):
        yield words("process", call.label())


_RULES: Mapping[str, Rule] = {
    **text_rules.RULES,
    **file_rules.RULES,
    **dict.fromkeys(tables.SERIALISERS, _load),
    **dict.fromkeys(("builtins.__import__", "importlib.__import__", "importlib.import_module"), _import),
    **dict.fromkeys(("builtins.setattr", "builtins.delattr", "operator.setitem", "operator.delitem"), _setattr),
    "builtins.getattr": _getattr,
    **dict.fromkeys(("functools.partial", "types.MethodType"), _partial),
    "builtins.object.__setattr__": _set_attribute,
    "numpy.load": _numpy_load,
}
_METHODS: Mapping[str, Rule] = {
    **text_rules.METHODS,
    **file_rules.METHODS,
    **dict.fromkeys(("run", "call"), _run),
}
