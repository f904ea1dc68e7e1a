"""Find script for the page, addresses that a page would fetch, and paths of secrets in the texts of code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from .findings import Kind

_SCRIPT = re.compile(
    r"<\s*(?:script|iframe|object|embed|base|meta\s+http)\b|\bon[a-z]{3,20}\s*=\s*[^=\s]|javascript:|\bsrcdoc\s*="
    r"|\bapplication/javascript\b|data:text/html",
    re.IGNORECASE,
)
_REMOTE = re.compile(
    r"<[^>]*\b(?:src|srcset|poster|background|data|href)\s*=\s*['\"]?\s*(?:https?:)?//|!\[[^\]]*\]\(\s*(?:https?:)?//"
    r"|url\(\s*['\"]?(?:https?:)?//|@import\b",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"(?:\A|[/\\~])(?:\.aws|\.ssh|\.gnupg|\.kube|\.docker|\.azure|\.config/gcloud|\.huggingface|\.kaggle)(?:[/\\]|\Z)"
    r"|(?:\A|[/\\])(?:\.env(?:\.\w+)?|\.?netrc|_netrc|\.pgpass|\.pypirc|\.git-credentials|\.npmrc|\.htpasswd|id_[a-z0-9]+"
    r"|shadow|gshadow|secrets?\.(?:json|ya?ml|toml|txt|env)|credentials(?:\.\w+)?|kaggle\.json|\w+\.pem|\w+\.kdbx?)\Z"
    r"|/run/secrets/|\A/proc/[^/]+/(?:environ|mem|cmdline)\Z|\A\\\\\.\\pipe",
    re.IGNORECASE,
)
_SEARCHING = frozenset(
    """
    sub subn compile findall finditer search match fullmatch split rsplit replace find rfind index count startswith
    endswith strip lstrip rstrip removeprefix removesuffix partition rpartition contains extract select find_all
    select_one xpath get_elements_by_tag_name
    """.split()
)


def script(text: str) -> bool:
    """Return whether HTML or Markdown runs script as it is shown."""
    return _SCRIPT.search(text) is not None


def remote(text: str) -> bool:
    """Return whether HTML or Markdown fetches something as it is shown."""
    return _REMOTE.search(text) is not None


def secret(text: str) -> bool:
    """Return whether a text is the path of something secret."""
    return len(text) < 500 and _SECRET.search(text) is not None


def judge(nodes: Sequence[ast.AST]) -> Iterator[tuple[Kind, str, int]]:
    """Yield the effects that the texts among `nodes` of a tree have wherever they are used, each with its line."""
    searched = {id(text) for node in nodes for text in _searched(node)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in searched:
            if secret(node.value):
                yield "reads environment", node.value, node.lineno
            elif script(node.value):
                yield "page", node.value, node.lineno
        elif isinstance(node, ast.FunctionDef) and node.name == "_repr_javascript_":
            yield "page", node.name, node.lineno


def _searched(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the texts that `node` looks for in another text, and docstrings."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _SEARCHING:
            yield from node.args
        case ast.Compare():
            yield from (node.left, *node.comparators)
        case ast.Expr(value=ast.Constant() as text):
            yield text
        case ast.Call(func=ast.Name(id="print")):
            yield from node.args


def constants(node: ast.AST) -> str:
    """Return the texts in an expression, joined."""
    texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return "".join(text for text in texts if isinstance(text, str))
