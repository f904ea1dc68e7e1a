"""Which files a code block writes as a whole, and which it may read.

A proof does not show a mistake made here: it runs in the session's folder, and the files are there already.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..risk import scan
from ..risk import tables as known
from ..risk.findings import Kind
from .meanings import Code, last

_SAVERS = frozenset(
    """
    to_csv to_excel to_json to_parquet to_feather to_pickle to_html to_latex to_markdown to_xml write_text write_bytes
    savefig save savez savez_compressed savetxt imsave imwrite write_html write_image write_json
    """.split()
)
_WRITES_WHOLE = re.compile(r"[wx][bt+]*")
_READERS = re.compile(
    r"(?:read|load|open|imread|genfromtxt|glob|rglob|iglob|listdir|scandir|walk|iterdir|exists|is_file|is_dir|stat"
    r"|getsize|getmtime|connect|from|copy|move|rename|replace|memmap|system|run|Popen|check_output|call)\w*"
)
# Data have methods of these names as well; they are about files if `os` or the like has them.
_AMBIGUOUS = re.compile(r"(?:copy|rename|replace|move|from_|run|call)\w*")
_OF_FILES = frozenset({"os", "shutil", "subprocess", "Path", "pathlib"})

Reach = Literal["nothing", "a file", "the world", "any file"]
_Reading = Literal["", "perhaps", "named", "unknown"]

# What a finding of each kind is about. Names are followed in the code itself, and so are IPython's lines.
REACH: Mapping[Kind, Reach] = {
    "writes": "a file",
    "deletes": "any file",
    "process": "any file",
    "shell": "nothing",
    "network": "the world",
    "downloads": "any file",
    "installs": "any file",
    "exit": "nothing",
    "environment": "the world",
    "reads environment": "nothing",
    "overwrites name": "nothing",
    "may overwrite name": "nothing",
    "changes name": "nothing",
    "deletes name": "nothing",
    "magic": "any file",
    "approval": "the world",
    "later": "the world",
    "page": "nothing",
    "unfamiliar": "nothing",
    "hidden": "nothing",
    "unreadable": "the world",
}


def reach(kind: Kind) -> Reach:
    """Return how far a finding of `kind` reaches; the furthest if it is not known here, so that the code is kept."""
    return REACH.get(kind, "any file")


@dataclass(frozen=True)
class Files:
    """The effects of code on files: those that it writes as a `whole`, whether it writes `others`, which it may read.

    `acts`: it does more than that to the world, so it is kept; `spreads`: it may write any file by that.
    `reads_some`: it reads a file, or adds to one.
    """

    whole: frozenset[str] = frozenset()
    others: bool = False
    texts: Mapping[str, int] = field(default_factory=dict)  # how often the last parts of paths occur in it
    reads_any: bool = False
    acts: bool = False
    reads_some: bool = False
    spreads: bool = False

    def calling(self, functions: Iterable[Files]) -> Files:
        """Return the effects of the code if it may call `functions`, with arguments that are not known."""
        every = [self, *functions]
        return Files(
            whole=self.whole,
            others=any(one.others for one in every) or any(one.whole for one in every[1:]),
            texts=sum((Counter(one.texts) for one in every), Counter[str]()),
            reads_any=any(one.reads_any for one in every),
            acts=any(one.acts for one in every),
            reads_some=any(one.reads_some for one in every),
            spreads=any(one.spreads for one in every),
        )

    def reads(self, path: str) -> bool:
        """Return whether the code may read the file `path`."""
        return self.reads_any or self.texts.get(posixpath.basename(path), 0) > (path in self.whole)


def files(source: str, code: Code | None) -> Files:
    """Return the effects of `source`, read as `code`, on files."""
    if code is None:
        return Files(others=True, reads_any=True, acts=True, reads_some=True, spreads=True)
    findings = scan(source)
    reaches = {reach(finding.kind) for finding in findings}
    whole = frozenset(map(posixpath.normpath, _written_whole(code.tree)))
    written = {posixpath.normpath(finding.what) for finding in findings if reach(finding.kind) == "a file"}
    reading = {_reading(node) for node in ast.walk(code.tree)} | ({"unknown"} if code.commands else set())
    return Files(
        whole=whole & written,
        others=bool(written - whole),
        texts=Counter(_texts(code.tree)),
        reads_any=not reading.isdisjoint({"perhaps", "unknown"}),
        acts=not reaches.isdisjoint({"the world", "any file"}),
        reads_some=not reading.isdisjoint({"named", "unknown"}),
        spreads="any file" in reaches,
    )


def _written_whole(tree: ast.Module) -> Iterator[str]:
    """Yield the files that the statements of `tree` certainly write, whatever was in them."""
    for statement in tree.body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="open")) as call))):
                yield from _opened(call)
            case ast.Expr(value=ast.Call() as call) | ast.Assign(value=ast.Call() as call):
                yield from _saved(call)
            case ast.With(items=[ast.withitem(context_expr=ast.Call() as call)]):
                yield from _opened(call)


def _saved(call: ast.Call) -> Iterator[str]:
    words = {keyword.arg: keyword.value for keyword in call.keywords}
    if last(call.func) not in _SAVERS or not words.keys().isdisjoint({"mode", "append", None}):
        return
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="Path"), args=[ast.Constant(value=str(path))]))
        ):
            yield path
        case ast.Call(func=ast.Attribute(), args=[ast.Constant(value=str(path)), *_]):
            yield path
    for word in words.keys() & set(known.TARGETS):
        match words[word]:
            case ast.Constant(value=str(path)):
                yield path


def _opened(call: ast.Call) -> Iterator[str]:
    match call:
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=str(path)), ast.Constant(value=str(mode))]):
            if _is_whole(mode):
                yield path


def _is_whole(mode: str) -> bool:
    return _WRITES_WHOLE.fullmatch(mode) is not None


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 1000:
            yield posixpath.basename(posixpath.normpath(node.value.replace("\\", "/")))


def _reading(node: ast.AST) -> _Reading:
    """Return whether `node` is a call that reads a file or adds to one, as far as its name tells, and which one."""
    if not isinstance(node, ast.Call):
        return ""
    name = last(node.func)
    adds = any(keyword.arg in ("mode", "if_exists", "append") for keyword in node.keywords)
    match node:
        case ast.Call(func=ast.Name(id="open"), args=[_, ast.Constant(value=str(mode)), *_]) if _is_whole(mode):
            return ""
        case ast.Call() if not _READERS.fullmatch(name):
            return "named" if adds else ""
        case ast.Call(func=ast.Attribute(value=base)) if _AMBIGUOUS.fullmatch(name):
            if not any(last(part) in _OF_FILES for part in ast.walk(base) if isinstance(part, ast.Name)):
                return "perhaps"
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="open" | "Path"), args=[ast.Constant(), *_]))):
            return "named"
    match node.args:
        case [ast.Constant(value=str()), *_]:
            return "named"
    return "unknown"
