"""The scan knows the user's objects: their types, the sources of the user's functions, and earlier aliases."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

from codeact_magic.kernels.sent import describe
from codeact_magic.kernels.sent.describe import described
from codeact_magic.risk import Namespace, scan

NOTEBOOK = """
import csv, functools, glob, http.client, io, os, random, sqlite3
from collections import deque
from pathlib import Path

import numpy as np
import pandas as pd

df = pd.DataFrame({"a": [1, 2]})
column = df["a"]
weights = np.arange(4.0)
rows = [[1], [2]]
options = {"url": "https://shop.example/a.csv", "n": 1}
seen = {1}
line = deque([1])
text = "hello"
notes = Path("notes.txt")
memory = io.StringIO()
database = sqlite3.connect(":memory:")
web = http.client.HTTPSConnection("shop.example")

start = open
system = os
find = glob
add = rows.append
fetch = functools.partial(__import__("urllib.request").request.urlopen, "http://shop.example")

def cleanup():
    for path in Path(".").glob("*.tmp"):
        path.unlink()

def everything():
    cleanup()

def empty(values):
    values.clear()

def describe(values):
    return {"largest": max(values)}

def grow():
    global text
    text = text * 2

double = lambda values: values.extend(values)

def logged(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper

@logged
def store():
    open("store.txt", "w")

@functools.lru_cache
def remembered():
    open("store.txt", "w")

class Archive:
    def __init__(self):
        self.items = []

    def purge(self):
        os.remove("archive.txt")

    def size(self):
        return len(self.items)

    def put(self, item):
        self.items.append(item)

    def __getitem__(self, name):
        open(name, "w")

    def __str__(self):
        open("trace.txt", "w")

    def __enter__(self):
        os.mkdir("archive")

    def __exit__(self, *exception):
        pass

    def __iter__(self):
        open("walked.txt", "w")

class Better(Archive):
    @property
    def first(self):
        open("first.txt", "w")

archive = Archive()
better = Better()
"""

CHANGES = [
    ("rows.append(3)", "rows"),
    ("rows[0].append(3)", "rows"),
    ("options.pop('n')", "options"),
    ("options.setdefault('n', []).append(1)", "options"),
    ("seen.discard(1)", "seen"),
    ("line.rotate(1)", "line"),
    ("df.insert(0, 'z', 1)", "df"),
    ("df.pop('a')", "df"),
    ("df['a'].update(column)", "df"),
    ("weights.sort()", "weights"),
    ("weights.view()[0] = 1", "weights"),
    ("np.copyto(weights, 0)", "weights"),
    ("np.add.at(weights, [0], 1)", "weights"),
    ("np.random.default_rng(0).shuffle(weights)", "weights"),
    ("random.shuffle(rows)", "rows"),
    ("list.append(rows, 1)", "rows"),
    ("add(3)", "add"),
    ("list(map(rows.remove, [1]))", "rows"),
    ("list(map(lambda values: values.clear(), [rows, options]))", "options", "rows"),
    ("for values in (rows, seen): values.clear()", "rows", "seen"),
    ("getattr(rows, 'clear')()", "rows"),
    ("def wipe(**given): given['values'].clear()\nwipe(values=rows)", "rows"),
    ("class Box:\n    def __init__(self, x): self.x = x\n    def go(self): self.x.clear()\nBox(rows).go()", "rows"),
    ("setattr(archive, 'items', 3)", "archive"),
    ("In.append('x')", "In"),
]
CALLS = [
    ("cleanup()", "deletes path, in your cleanup()"),
    ("everything()", "deletes path, in your cleanup()"),
    ("list(map(cleanup, []))", "deletes path, in your cleanup()"),
    ("empty(rows)", "changes your rows, in your empty()"),
    ("double(rows)", "changes your rows, in your double()"),
    ("grow()", "overwrites your text, in your grow()"),
    ("store()", "writes store.txt, in your store()"),
    ("remembered()", "writes store.txt, in your remembered()"),
    ("archive.purge()", "deletes archive.txt, in your Archive.purge()"),
    ("Archive.purge(archive)", "deletes archive.txt, in your Archive.purge()"),
    ("getattr(archive, 'purge')()", "deletes archive.txt, in your Archive.purge()"),
    ("type(archive)().purge()", "deletes archive.txt, in your Archive.purge()"),
    ("better.purge()", "deletes archive.txt, in your Archive.purge()"),
    ("archive.put(1)", "changes your archive, in your Archive.put()"),
    ("better.first", "writes first.txt, in your Better.first()"),
    ("archive['a']", "writes name, in your Archive.__getitem__()"),
    ("f'{archive}'", "writes trace.txt, in your Archive.__str__()"),
    ("with archive: pass", "writes archive, in your Archive.__enter__()"),
    ("[one for one in archive]", "writes walked.txt, in your Archive.__iter__()"),
    ("first, *rest = archive", "writes walked.txt, in your Archive.__iter__()"),
]
EARLIER = [
    ("start('x', 'w')", "writes x"),
    ("list(map(start, ['x'], ['w']))", "writes files with open"),
    ("system.remove('x')", "deletes x"),
    ("find.os.remove('x')", "deletes x"),
    ("fetch()", "network: urllib.request.urlopen"),
    ("notes.rename('x')", "writes x"),
    ("web.request('GET', '/')", "network: http.client.HTTPSConnection.request"),
    ("database.commit()", "writes database"),
    ("use(web)", "network: http.client.HTTPSConnection"),
    ("pd.read_csv(options['url'])", "network: pandas.read_csv"),
    ("pd.eval(text)", "cannot be read: pandas.eval"),
]
HARMLESS = [
    "rows + [3]",
    "more = rows + [3]\nmore.append(4)",
    "more = list(rows)\nmore.append(4)",
    "more = rows[:]\nmore.sort()",
    "fresh = df.copy()\nfresh.insert(0, 'z', 1)\nfresh.pop('a')",
    "df['a'].add(1)",
    "df.columns.insert(0, 'z')",
    "weights.copy().sort()",
    "matrix = np.zeros(3)\nmatrix.fill(1)\nnp.copyto(matrix, 0)",
    "text.replace('a', 'b').strip()",
    "first, *rest = rows\nrest.append(3)",
    "union = seen | {2}\nunion.add(3)",
    "options.get('n', 0)",
    "print('x', file=memory)",
    "notes.exists() and notes.stat()",
    "web.timeout",
    "database.execute('select 1')",
    "describe([1])",
    "empty([1])",
    "archive.size()",
    "len(archive.items)",
    "Archive().put(1)",
    "fresh = Archive()\nfresh.put(1)",
    "cleanup.__name__",
    "callable(cleanup)",
    "isinstance(archive, Archive)",
    "sorted(rows, key=len)",
    "pd.read_csv('a.csv')",
]


@pytest.fixture(scope="module")
def space() -> dict[str, Any]:
    """The user's namespace: the notebook has run there, as a cell whose source is kept."""
    linecache.cache["<notebook>"] = (len(NOTEBOOK), None, NOTEBOOK.splitlines(keepends=True), "<notebook>")
    names: dict[str, Any] = {"__name__": "__main__", "In": [""]}
    exec(compile(NOTEBOOK, "<notebook>", "exec"), names)
    return names


def badges(code: str, space: dict[str, Any]) -> tuple[str, ...]:
    names = [name for name in space if not name.startswith("_") and name != "In"]
    found = scan(code, Namespace(names, describe=lambda mentioned: described(space, mentioned)))
    return tuple(str(finding) for finding in found)


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: case[0])
def test_a_method_that_changes_the_users_object_is_found_by_its_type(
    case: tuple[str, ...], space: dict[str, Any]
) -> None:
    code, *names = case
    assert set(badges(code, space)) >= {f"changes your {name}" for name in names}


@pytest.mark.parametrize(("code", "badge"), CALLS)
def test_a_function_of_the_users_is_read_if_the_code_calls_it(code: str, badge: str, space: dict[str, Any]) -> None:
    assert badge in badges(code, space)


@pytest.mark.parametrize(("code", "badge"), EARLIER)
def test_what_an_earlier_step_has_named_is_known_for_what_it_is(code: str, badge: str, space: dict[str, Any]) -> None:
    assert badge in badges(code, space)


@pytest.mark.parametrize("code", HARMLESS)
def test_knowing_types_makes_no_harmless_code_suspicious(code: str, space: dict[str, Any]) -> None:
    assert badges(code, space) == ()


def test_a_finding_in_a_users_function_has_the_line_that_calls_it(space: dict[str, Any]) -> None:
    namespace = Namespace(["cleanup"], describe=lambda mentioned: described(space, mentioned))
    assert [finding.line for finding in scan("x = 1\n\neverything()", namespace)] == [3]


def test_describing_runs_no_code_of_the_objects() -> None:
    class Alive(type):
        def __getattribute__(cls, name: str) -> Any:
            raise AssertionError(name)

    class Touchy(metaclass=Alive):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

        def __len__(self) -> int:
            raise AssertionError

    touchy = Touchy()
    values: dict[str, object] = {"one": touchy, "kind": Touchy, "many": [touchy] * 3, "named": {"a": touchy}}
    found = described(values, values)["names"]
    assert found["one"]["name"].endswith("Touchy")
    assert found["kind"]["is"] == "class"
    assert found["many"]["name"] == "builtins.list"


def test_only_the_first_items_of_a_container_are_looked_at() -> None:
    addresses = ["x"] * 100_000 + ["https://shop.example"]
    assert not described({"many": addresses}, ["many"])["names"]["many"]["address"]


def test_functions_that_there_is_no_room_for_are_findings(space: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(describe, "LONGEST", 10)
    assert "cannot be read: your cleanup()" in badges("cleanup()", space)


def test_names_that_the_code_does_not_mention_are_not_looked_at(space: dict[str, Any]) -> None:
    assert described(space, ["rows"])["names"].keys() == {"rows"}
    assert described(space, ["everything"])["names"].keys() >= {"everything", "cleanup", "Path"}
