"""Outputs too large for a notebook: each goes into a file beside it, and comes back when the session is loaded.

The file of session.ipynb is session_files/<the beginning of its SHA-256>.<ending>. None of the endings stands for
anything active: images are images, JSON is JSON, and all else, HTML and SVG too, is text. In the notebook stands a
clipped text with a link to the file; the cell's `metadata.codeact.files` says which output that is, and what it lacks.

A notebook that was renamed says which folder it had. What it says is not trusted: only files of such a folder beside it
are read, and only what they are named for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...session import Json
from ...text import clip, fence, plain, visible
from . import disk

SHOWN = 2_000  # characters of a large text that stand in the notebook
LEAST = 2 * SHOWN  # of an output that is put away for the sake of the others: less would not help
IN_A_CELL = 10  # times the limit: so much may the outputs of a cell have together
IN_ALL = 100  # times the limit: so much those of a notebook
MARK = "codeact_file"  # in the metadata of the output that stands for a large one


class Shelf:
    """The folder of the large outputs of the notebook `path`.

    Those are the outputs of more than `limit` characters (0: no limit), and the largest of a cell that has many.
    """

    def __init__(self, path: Path, limit: int = 0) -> None:
        self.notebook = path
        self.folder = path.with_name(f"{path.stem}_files")
        self.limit = limit
        self.names: set[str] = set()  # of the files that were written
        self._held: dict[str, int] = {}  # characters of the outputs that stand in the notebook, by cell
        self._held_in_all = 0

    def put_away(self, cell: Json) -> Json:
        """Return a cell whose large outputs are in files, as far as these can be written."""
        if not self.limit or not cell.get("outputs"):
            return cell
        outputs, files = list(cell["outputs"]), []
        for number, large in self._large(cell["id"], outputs).items():
            with suppress(OSError):
                outputs[number], entry = self._put(outputs[number], large)
                files.append({"output": number, "folder": self.folder.name, **entry})
        if not files:
            return cell
        about = {**cell["metadata"]["codeact"], "files": files}
        return {**cell, "outputs": outputs, "metadata": {**cell["metadata"], "codeact": about}}

    def restore(self, notebook: Any) -> None:
        """Put large outputs back into the JSON of a notebook; those whose file is gone or changed stay as they are."""
        known: dict[tuple[str, str], Any] = {}
        room = disk.MOST  # many outputs may be said to be in one file
        for outputs, entry in _entries(notebook):
            with suppress(OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
                place, output = _place(entry, outputs), self._whole(entry, known)
                room -= sum(map(_size, _values(output).values()))
                if room >= 0:
                    outputs[place] = output

    def remove(self, names: set[str]) -> None:
        """Remove files of these names."""
        for name in names:
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _large(self, cell: str, outputs: list[Json]) -> dict[int, list[str]]:
        """Return the keys of what is to be put away of the outputs of a cell, by the number of the output."""
        sizes = {
            (number, key): _size(value)
            for number, output in enumerate(outputs)
            for key, value in _values(output).items()
        }
        others = self._held_in_all - self._held.get(cell, 0)
        room = min(IN_A_CELL * self.limit, IN_ALL * self.limit - others)
        held, large = sum(sizes.values()), dict[int, list[str]]()
        for (number, key), size in sorted(sizes.items(), key=lambda one: (-one[1], -one[0][0])):
            if size > self.limit or (held > room and size > LEAST):
                large.setdefault(number, []).append(key)
                held -= size
        self._held[cell] = held
        self._held_in_all = others + held
        return dict(sorted(large.items()))

    def _put(self, output: Json, large: list[str]) -> tuple[Json, Json]:
        """Return what stands for `output`, and how it is made whole."""
        values, kept = _values(output), dict(output)
        if "data" in output:
            kept["data"] = {key: value for key, value in output["data"].items() if key not in large}
        else:
            for key in large:
                del kept[key]
        put = {key: self._file(key, values[key]) for key in large}
        shown = "\n\n".join(self._shown(key, values[key], put[key]["file"]) for key in large)
        plain = "\n".join(f"{key}: {self.folder.name}/{file['file']}" for key, file in put.items())
        metadata = {MARK: [file["file"] for file in put.values()]}
        stand_in = {"output_type": "display_data", "data": {"text/markdown": shown, "text/plain": plain}}
        return {**stand_in, "metadata": metadata}, {"whole": kept, "values": put}

    def _file(self, key: str, value: Any) -> Json:
        form, ending, data = _encoded(key, value)
        name = f"{_digest(data)}.{ending}"
        path = self.folder / name
        if self.folder.is_symlink():
            raise OSError("the folder is elsewhere")
        if not _holds(path, data):
            self.folder.mkdir(parents=True, exist_ok=True)
            with disk.draft(path, like=self.notebook) as file:
                file.write(data)
        self.names.add(name)
        return {"form": form, "file": name}

    def _shown(self, key: str, value: Any, name: str) -> str:
        size = f"{_size(value):,} characters"
        link = f"[{size} of {_kind(key)}]({quote(f'{self.folder.name}/{name}')})"
        if name.endswith(".txt"):
            return f"{fence(visible(plain(clip(value, SHOWN))), '')}\n\n{link}"
        return link

    # -- reading -------------------------------------------------------------------------------------------------------

    def _whole(self, entry: Json, known: dict[tuple[str, str], Any]) -> Json:
        output, folder = {**entry["whole"]}, self._folder(entry)
        values = {key: _value(folder, file["form"], file["file"], known) for key, file in entry["values"].items()}
        return {**output, "data": {**output["data"], **values}} if "data" in output else {**output, **values}

    def _folder(self, entry: Json) -> Path:
        """Return the folder of an output: that of the name which the notebook had, where it has none of its own."""
        name = entry.get("folder", "")
        had = isinstance(name, str) and _FOLDER.fullmatch(name) and not self.folder.exists()
        return self.folder.with_name(name) if had else self.folder


_FOLDER = re.compile(r"[^/\\:\0]{1,255}_files")


def _value(folder: Path, form: str, name: str, known: dict[tuple[str, str], Any]) -> Any:
    if (form, name) not in known:
        known[form, name] = _FORMS[form](_content(folder, name))
    return known[form, name]


def _content(folder: Path, name: str) -> bytes:
    """Return the content of a file. Raises OSError where it is none of ours."""
    if not _NAME.fullmatch(name) or not stat.S_ISDIR(folder.lstat().st_mode):
        raise OSError("no file of this folder")
    data, _ = disk.read(folder / name)
    if _digest(data) != name.partition(".")[0]:
        raise OSError("the file was changed")
    return data


_NAME = re.compile(r"[0-9a-f]{16}\.(?:png|jpg|gif|txt|json)")
_IMAGES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}


def _as_line(data: bytes) -> str:
    return binascii.b2a_base64(data).decode()


def _as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_FORMS: dict[str, Callable[[bytes], Any]] = {
    "base64": _as_base64,
    "base64 line": _as_line,  # which is how IPython has it
    "text": bytes.decode,
    "json": json.loads,
}


def _encoded(key: str, value: Any) -> tuple[str, str, bytes]:
    """Return the form that a value has in its file, the ending of that, and the content."""
    if key in _IMAGES and isinstance(value, str):
        with suppress(ValueError):
            data = binascii.a2b_base64(value)
            for form in ("base64", "base64 line"):
                if _FORMS[form](data) == value:
                    return form, _IMAGES[key], data
    if isinstance(value, str):
        return "text", "txt", value.encode()
    return "json", "json", json.dumps(value, ensure_ascii=False).encode()


def _holds(path: Path, data: bytes) -> bool:
    try:
        return disk.read(path)[0] == data
    except OSError:
        return False


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _values(output: Json) -> Json:
    """Return the values of an output that can be large."""
    if "data" in output:
        return dict(output["data"])
    return {key: output[key] for key in ("text", "evalue", "traceback") if key in output}


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value, ensure_ascii=False))


def _kind(key: str) -> str:
    return key if re.fullmatch(r"[\w.+/-]{1,80}", key) else "a value"


def _entries(notebook: Any) -> Iterator[tuple[list[Any], Json]]:
    """Yield what the cells of a notebook say of outputs that are elsewhere, each with the outputs of its cell."""
    with suppress(LookupError, TypeError, AttributeError):
        for cell in notebook["cells"]:
            with suppress(LookupError, TypeError, AttributeError):
                outputs = cell["outputs"]
                if isinstance(outputs, list):
                    yield from ((outputs, entry) for entry in cell["metadata"]["codeact"]["files"])


def _place(entry: Json, outputs: list[Any]) -> int:
    """Return the number of the output that `entry` is about. Raises ValueError where something else stands there."""
    number = entry["output"]
    if type(number) is not int or not 0 <= number < len(outputs) or MARK not in outputs[number]["metadata"]:
        raise ValueError("no output of that number")
    return number
