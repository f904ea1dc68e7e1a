"""The effects of calls that are given a text: SQL, expressions, names of attributes, HTML and Markdown."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping

from . import library, tables, texts
from .call import Call, unparsed
from .magics import Effect
from .values import NONE, kept
from .wording import words

_CODE_IN_QUERY = re.compile(r"@[\w.]*\(|__")
_CODE_IN_EXPRESSION = re.compile(r"__|\b(?:import|open|exec|eval|lambda|system|getattr|compile|globals)\b")
_READERS = library.words(
    "read read_text read_bytes read_html readlines readline decode content text get json loads load"
)


def sql(call: Call, method: str) -> Iterator[Effect]:
    """Yield a database command that does more than read."""
    query = call.argument(0)
    if isinstance(query, ast.Call) and query.args and unparsed(query.func, 20).endswith("text"):
        query = query.args[0]
    found = call.texts(query) if query else []
    if isinstance(query, ast.JoinedStr) and query.values and isinstance(query.values[0], ast.Constant):
        found = ["".join(str(part.value) for part in query.values if isinstance(part, ast.Constant))]
    if found is None and method != "sql":
        yield "unreadable", f"{call.label()}({call.shown(query)})"
    yield from _written(found or ())


def read_sql(call: Call, method: str) -> Iterator[Effect]:
    """Yield a database command that does more than read, given to a function that is meant for reading."""
    query = call.argument(0, "sql")
    found = call.texts(query) if query else []
    yield from _written(text for text in found or () if " " in text.strip())


def _written(found: Iterator[str] | list[str] | tuple[str, ...]) -> Iterator[Effect]:
    for text in found:
        if not tables.READING_SQL.match(text) or tables.WRITING_SQL.search(text):
            yield "writes", f"a database: {text.strip()}"


def timed(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield the timing of code in a string. A function that is timed needs no finding: its body is part of the code."""
    statement = call.argument(0, "stmt")
    if statement and not all(value.kind in ("function", "name") for value in call.of(statement)):
        yield words("unreadable", dotted)


def query(call: Call, method: str) -> Iterator[Effect]:
    """Yield a pandas query that calls a function, or is the text of a variable."""
    text = call.argument(0, "expr")
    parts: list[ast.expr] = [text] if text else []
    if isinstance(text, ast.JoinedStr):
        parts = text.values
    if any(_CODE_IN_QUERY.search(one) for part in parts for one in call.texts(part) or ()) or _is_users_text(
        call, text
    ):
        yield "unreadable", f"{method.rpartition('.')[2]}({call.shown(text)})"


def expression(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield the evaluation of a text that is not known, or that looks like more than a formula."""
    text = call.argument(0)
    found = call.texts(text) if text else []
    is_text = found is not None or _is_users_text(call, text)
    if is_text and (found is None or any(map(_CODE_IN_EXPRESSION.search, found))):
        yield words("unreadable", dotted)


def _is_users_text(call: Call, node: ast.expr | None) -> bool:
    """Return whether an argument is a text of the user's, which the scan does not look at."""
    if isinstance(node, ast.JoinedStr):
        return len(node.values) == 1 and _is_users_text(call, getattr(node.values[0], "value", None))
    return node is not None and any(value.content == "builtins.str" for value in kept(call.of(node), "typed"))


def attributes(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield a getter of attributes that leads into a module, or of which the names are not known."""
    for argument in call.node.args:
        found = call.texts(argument)
        parts = {part for text in found or () for part in text.split(".")}
        if found is None or parts & (tables.ROOTS | tables.INNARDS) or any(map(_acts, parts)):
            yield words("unreadable", dotted)


def _acts(attribute: str) -> bool:
    """Return whether an attribute of that name is a function with an effect."""
    known = library.touched(f"os.{attribute}")
    return tables.touches(attribute) is not None or (known is not None and known[0] != "unreadable")


def by_name(call: Call, method: str) -> Iterator[Effect]:
    """Yield the effect of a method that is named by a text, as in `df.apply("to_csv", ...)`."""
    first = call.argument(0, "func")
    for text in (call.texts(first) if first else None) or ():
        if kind := tables.touches(text):
            yield words(kind, text) if kind not in ("writes", "deletes") else (kind, f"files with {text}")


def shown(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield the effects of showing HTML, SVG or Markdown: script, and addresses that it fetches."""
    name = dotted.rpartition(".")[2]
    if any(keyword.arg in ("filename", "url") for keyword in call.node.keywords):
        yield "page", f"{name} of a file"
        return
    data = call.argument(0, "data", "value")
    if data is None:
        return
    known = texts.constants(data) + "".join(call.texts(data) or ())
    if texts.script(known):
        yield "page", known
    elif texts.remote(known):
        yield "network", f"{name} of {known}"
    elif _is_foreign(call, data):
        yield "page", f"{name} of {call.shown(data)}"


def _is_foreign(call: Call, data: ast.expr) -> bool:
    """Return whether a text to show was read from somewhere."""
    nodes: list[ast.AST] = [data]
    if isinstance(data, ast.Name) and (source := call.program.source(data, call.scope)):
        nodes.append(source[0])
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and part.attr in _READERS:
                return True
            if isinstance(part, ast.expr) and _is_users_text(call, part):
                return True
    return False


def raw(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield data that is shown as it is."""
    if call.may_be_true("raw"):
        yield "page", f"{dotted.rpartition('.')[2]} of raw data"


def unescaped(call: Call, method: str) -> Iterator[Effect]:
    """Yield a table that is written as HTML, or whose texts are not escaped."""
    if (target := call.argument(0, *tables.TARGETS)) and NONE not in call.of(target) and not call.is_reported(target):
        yield "writes", call.shown(target) or f"files with {method}"
    if any(keyword.arg == "escape" and not call.may_be_true("escape") for keyword in call.node.keywords):
        yield "page", f"{method} without escaping"


Rule = Callable[[Call, str], Iterator[Effect]]
_DISPLAY = "IPython.display."
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("timeit.timeit", "timeit.repeat", "timeit.Timer"), timed),
    "duckdb.query": sql,
    **dict.fromkeys(("pandas.read_sql", "pandas.read_sql_query", "polars.read_database"), read_sql),
    **dict.fromkeys(("pandas.eval", "numexpr.evaluate", "numexpr.re_evaluate"), expression),
    **dict.fromkeys(
        (
            "sympy.sympify",
            "sympy.S",
            "sympy.parse_expr",
            "sympy.core.sympify.sympify",
            "sympy.parsing.sympy_parser.parse_expr",
            "sympy.parsing.parse_expr",
        ),
        expression,
    ),
    "operator.attrgetter": attributes,
    **{
        f"{module}.{name}": shown
        for module in ("IPython.display", "IPython.core.display", "ipywidgets", "ipywidgets.widgets")
        for name in ("HTML", "SVG", "Markdown", "HTMLMath")
    },
    **{
        f"IPython.{module}.{name}": raw
        for module in ("display", "core.display", "core.display_functions")
        for name in ("display", "display_html", "display_svg", "display_markdown")
    },
}
METHODS: Mapping[str, Rule] = {
    **dict.fromkeys(("execute", "executemany", "executescript", "exec_driver_sql", "sql"), sql),
    **dict.fromkeys(("query", "eval"), query),
    **dict.fromkeys(("apply", "agg", "aggregate", "transform", "applymap", "pipe"), by_name),
    "to_html": unescaped,
    "display": raw,
}
