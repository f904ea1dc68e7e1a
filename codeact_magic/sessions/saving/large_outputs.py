"""Outputs too large for a notebook: each goes into a file beside it, and comes back when the session is loaded.

The file of session.ipynb is session_files/<the beginning of its SHA-256>.<ending>. None of the endings stands for
anything active: images are images, JSON is JSON, and all else, HTML and SVG too, is text. The notebook shows the image
in the file, or the beginning of the text with a link to the file. The cell's `metadata.codeact.files` says which output
that is, and which values it lacks.

The notebook is written whole at each step, so it stays small: once the outputs in it have as many characters together
as one may have, all that follow go into files, except for short ones.

A notebook that was renamed says which folder it had. It is not trusted: only files of such a folder beside it
are read, and only those whose content has the SHA-256 in their name.
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

PREVIEW = 500  # characters of a large text that the notebook shows
SHORT = 2 * PREVIEW  # characters of a value that is in the notebook even so: its stand-in would be about as long
MARK = "codeact_file"  # in the metadata of the output that stands for a large one


class LargeOutputs:
    """The folder of the large outputs of a notebook.

    The notebook itself holds outputs of `limit` characters, all together (0: no limit), and short ones beyond that.
    """

    def __init__(self, notebook: Path, limit: int = 0) -> None:
        self.notebook = notebook
        self.folder = notebook.with_name(f"{notebook.stem}_files")
        self.limit = limit
        self.written: set[str] = set()  # the names of the files
        self._unsynced: list[Path] = []
        self._kept: dict[str, int] = {}  # characters of the outputs that are in the notebook, by cell
        self._all_kept = 0  # their sum

    def put_away(self, cell: Json) -> Json:
        """Return a cell whose large outputs are in files, as far as these can be written."""
        if not self.limit or not cell.get("outputs"):
            return cell
        outputs = list(cell["outputs"])
        files = []
        for number, keys in self._large(cell["id"], outputs).items():
            with suppress(OSError):
                outputs[number], entry = self._stand_in(outputs[number], keys)
                files.append({"output": number, "folder": self.folder.name, **entry})
        if not files:
            return cell
        about = {**cell["metadata"]["codeact"], "files": files}
        return {**cell, "outputs": outputs, "metadata": {**cell["metadata"], "codeact": about}}

    def restore(self, notebook: Any) -> None:
        """Put large outputs back into the JSON of a notebook. Those whose file is gone or changed stay as they are."""
        contents: dict[tuple[str, str], Any] = {}
        budget = disk.MAX_FILE_SIZE  # a forged notebook may say that many outputs are in one file
        for outputs, entry in _entries(notebook):
            with suppress(OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
                number = _number(entry, outputs)
                output = self._whole(entry, contents)
                budget -= sum(map(_size, _values(output).values()))
                if budget >= 0:
                    outputs[number] = output

    def remove(self, names: set[str]) -> None:
        """Remove the files of these names."""
        for name in names:
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    def sync(self) -> None:
        """Make the files survive a power cut. Until then it may cost the outputs in them, but not the notebook."""
        while self._unsynced:
            with suppress(FileNotFoundError, PermissionError):  # it was removed, or made read-only
                disk.sync(self._unsynced[-1])
            self._unsynced.pop()
        disk.sync_folder(self.folder)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _large(self, cell: str, outputs: list[Json]) -> dict[int, list[str]]:
        """Return the keys of the large values of a cell's outputs, by the number of the output."""
        sizes = {
            (number, key): _size(value)
            for number, output in enumerate(outputs)
            for key, value in _values(output).items()
        }
        others = self._all_kept - self._kept.get(cell, 0)
        budget = self.limit - others
        kept = sum(sizes.values())
        large: dict[int, list[str]] = {}
        largest_first = sorted(sizes.items(), key=lambda one: (-one[1], -one[0][0]))
        for (number, key), size in largest_first:
            if size > self.limit or (kept > budget and size > SHORT):
                large.setdefault(number, []).append(key)
                kept -= size
        self._kept[cell] = kept
        self._all_kept = others + kept
        return dict(sorted(large.items()))

    def _stand_in(self, output: Json, keys: list[str]) -> tuple[Json, Json]:
        """Put the values of `keys` into files; return the stand-in for `output`, and how it is made whole."""
        values = _values(output)
        rest = dict(output)
        if "data" in output:
            rest["data"] = {key: value for key, value in output["data"].items() if key not in keys}
        else:
            for key in keys:
                del rest[key]
        files = {key: self._write(key, values[key]) for key in keys}
        shown = "\n\n".join(self._shown(key, values[key], files[key]["file"]) for key in keys)
        plain_text = "\n".join(f"{key}: {self.folder.name}/{file['file']}" for key, file in files.items())
        stand_in = {
            "output_type": "display_data",
            "data": {"text/markdown": shown, "text/plain": plain_text},
            "metadata": {MARK: [file["file"] for file in files.values()]},
        }
        return stand_in, {"whole": rest, "values": files}

    def _write(self, key: str, value: Any) -> Json:
        """Write a value into its file; return the form it has there, and the file's name. Raises OSError."""
        form, ending, data = _encoded(key, value)
        name = f"{_digest(data)}.{ending}"
        path = self.folder / name
        if self.folder.is_symlink():
            raise OSError("the folder is elsewhere")
        if not _holds(path, data):
            self.folder.mkdir(parents=True, exist_ok=True)
            with disk.draft(path, like=self.notebook, synced=False) as file:
                file.write(data)
            self._unsynced.append(path)
        self.written.add(name)
        return {"form": form, "file": name}

    def _shown(self, key: str, value: Any, name: str) -> str:
        """Return Markdown that shows an image, or the beginning of a text, with a link to the file."""
        address = quote(f"{self.folder.name}/{name}")
        if name.endswith(tuple(_IMAGES.values())):
            return f"[![figure]({address})]({address})"
        link = f"[{_size(value):,} characters of {_kind(key)}]({address})"
        if name.endswith(".txt"):
            return f"{fence(visible(plain(clip(value, PREVIEW))), '')}\n\n{link}"
        return link

    # -- reading -------------------------------------------------------------------------------------------------------

    def _whole(self, entry: Json, contents: dict[tuple[str, str], Any]) -> Json:
        """Return an output with the values that are in files; `contents` has those that were read already."""
        output = {**entry["whole"]}
        folder = self._folder_of(entry)
        files = entry["values"].items()
        values = {key: _value(folder, file["form"], file["file"], contents) for key, file in files}
        if "data" in output:
            return {**output, "data": {**output["data"], **values}}
        return {**output, **values}

    def _folder_of(self, entry: Json) -> Path:
        """Return the folder of an output. If the notebook was renamed, that is the one of the name it had."""
        name = entry.get("folder", "")
        if isinstance(name, str) and _FOLDER.fullmatch(name) and not self.folder.exists():
            return self.folder.with_name(name)
        return self.folder


_FOLDER = re.compile(r"[^/\\:\0]{1,255}_files")


def _value(folder: Path, form: str, name: str, contents: dict[tuple[str, str], Any]) -> Any:
    if (form, name) not in contents:
        contents[form, name] = _FORMS[form](_content(folder, name))
    return contents[form, name]


def _content(folder: Path, name: str) -> bytes:
    """Return the content of a file. Raises OSError if it is not one of ours."""
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
    """Yield the entries of a notebook's cells about outputs in files, each with the outputs of its cell."""
    with suppress(LookupError, TypeError, AttributeError):
        for cell in notebook["cells"]:
            with suppress(LookupError, TypeError, AttributeError):
                outputs = cell["outputs"]
                if isinstance(outputs, list):
                    yield from ((outputs, entry) for entry in cell["metadata"]["codeact"]["files"])


def _number(entry: Json, outputs: list[Any]) -> int:
    """Return the number of the output that `entry` is about. Raises ValueError if something else is there."""
    number = entry["output"]
    if type(number) is not int or not 0 <= number < len(outputs) or MARK not in outputs[number]["metadata"]:
        raise ValueError("no output of that number")
    return number
