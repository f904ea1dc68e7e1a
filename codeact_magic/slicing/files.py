"""Which files a piece of code writes whole, and which it may read."""

from __future__ import annotations

import ast
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..risk import scan
from ..risk import tables as known
from .names import Code

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
_ACTS = frozenset({"process", "network", "installs", "environment", "magic", "deletes"})
_SPREADS = frozenset({"process", "installs", "magic", "deletes"})
_DOWNLOADS = re.compile(r"retrieve|download")
# What data have methods for as well; it is about files where `os` or the like has it.
_AMBIGUOUS = re.compile(r"(?:copy|rename|replace|move|from_|run|call)\w*")
_OF_FILES = frozenset({"os", "shutil", "subprocess", "Path", "pathlib"})
_ELSEWHERE = ("reads the environment", "shell: ")  # that changes nothing; IPython's lines are judged by `effects`


@dataclass(frozen=True)
class Files:
    """What code does to files: those that it writes `whole`, whether it writes others, what it may read.

    `acts`: it does more than that to the world, and for that it is kept; `spreads`: by that any file may be written.
    `reads_some`: it reads a file, or adds to one.
    """

    whole: frozenset[str] = frozenset()
    others: bool = False
    texts: Mapping[str, int] = field(default_factory=dict)  # how often the ends of paths stand in it
    reads_any: bool = False
    acts: bool = False
    reads_some: bool = False
    spreads: bool = False

    def calling(self, other: Files) -> Files:
        """Return what the code does with that of a function that it may call, who knows with what."""
        return Files(
            whole=self.whole,
            others=self.others or other.others or bool(other.whole),
            texts=Counter(self.texts) + Counter(other.texts),
            reads_any=self.reads_any or other.reads_any,
            acts=self.acts or other.acts,
            reads_some=self.reads_some or other.reads_some,
            spreads=self.spreads or other.spreads,
        )

    def reads(self, path: str) -> bool:
        """Tell whether the code may read the file `path`."""
        return self.reads_any or self.texts.get(posixpath.basename(path), 0) > (path in self.whole)


def files(source: str, code: Code | None) -> Files:
    """Return what the code `source` does to files."""
    if code is None:
        return Files(others=True, reads_any=True, acts=True, reads_some=True, spreads=True)
    findings = scan(source)
    whole = frozenset(map(posixpath.normpath, _written_whole(code.tree)))
    written = {posixpath.normpath(finding.what) for finding in findings if finding.kind == "writes"}
    return Files(
        whole=whole & written,
        others=bool(written - whole),
        texts=Counter(_texts(code.tree)),
        reads_any=bool(code.commands) or any(map(_reads_unknown, ast.walk(code.tree))),
        acts=any(finding.kind in _ACTS and not finding.what.startswith(_ELSEWHERE) for finding in findings),
        reads_some=bool(code.commands) or any(map(_reads, ast.walk(code.tree))),
        spreads=any(finding.kind in _SPREADS or _DOWNLOADS.search(finding.what) for finding in findings),
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
    words = {keyword.arg for keyword in call.keywords}
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _SAVERS or words & {"mode", "append", None}:
        return
    match call.func.value, call.args:
        case (ast.Call(func=ast.Name(id="Path"), args=[ast.Constant(value=str(path))]), _):
            yield path
        case _, [ast.Constant(value=str(path)), *_]:
            yield path
    yield from (
        keyword.value.value
        for keyword in call.keywords
        if keyword.arg in known.TARGETS
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    )


def _opened(call: ast.Call) -> Iterator[str]:
    match call:
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=str(path)), ast.Constant(value=str(mode))]):
            if _WRITES_WHOLE.fullmatch(mode):
                yield path


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 1000:
            yield posixpath.basename(posixpath.normpath(node.value.replace("\\", "/")))


def _reads_unknown(node: ast.AST) -> bool:
    """Tell whether `node` is a call that may read a file whose name is not written out."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    match node.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="open" | "Path"), args=[ast.Constant(value=str()), *_])):
            return False
    first = node.args[0] if node.args else None
    return bool(_READERS.fullmatch(name)) and not (isinstance(first, ast.Constant) and isinstance(first.value, str))


def _reads(node: ast.AST) -> bool:
    """Tell whether `node` is a call that reads a file, or adds to one, as far as its name tells."""
    match node:
        case ast.Call(func=ast.Name(id="open"), args=[_, ast.Constant(value=str(mode)), *_]):
            return not _WRITES_WHOLE.fullmatch(mode)
        case ast.Call(func=ast.Attribute(value=base, attr=attr)) if _AMBIGUOUS.fullmatch(attr):
            return any(getattr(part, "id", "") in _OF_FILES for part in ast.walk(base))
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            adds = any(keyword.arg in ("mode", "if_exists", "append") for keyword in node.keywords)
            return adds or bool(_READERS.fullmatch(name))
    return False
