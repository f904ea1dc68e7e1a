"""The user's objects are looked at without running their code, without computing, and in time that does not grow."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import functools
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

from codeact_magic.kernels.live.executor import ShellExecutor
from codeact_magic.kernels.sent.fingerprint import fingerprints
from codeact_magic.kernels.sent.handles import is_handle
from codeact_magic.kernels.sent.namespace import describe, summary
from codeact_magic.kernels.sent.values import LONGEST, short

from .shells import isolate, new_shell


class RanError(BaseException):
    """Is raised by code that must not run. No handler of exceptions catches it."""


def ran(*_: object, **__: object) -> Any:
    raise RanError


NEVER = (
    "__repr__ __str__ __len__ __iter__ __getitem__ __eq__ __hash__ __bool__ __getattr__ __reduce_ex__ __dir__".split()
)
HOSTILE: dict[str, Any] = dict.fromkeys(NEVER, ran)


def user_class(*bases: type, **members: Any) -> Any:
    """Return a class whose methods must not run."""
    return types.new_class("Odd", bases, exec_body=lambda namespace: namespace.update({**HOSTILE, **members}))


HIDDEN = dict.fromkeys(["__name__", "__module__", "__mro__", "__dict__", "__doc__"], property(ran))
Meta = user_class(type, __getattribute__=ran, __instancecheck__=ran, __subclasscheck__=ran, **HIDDEN)
Array = user_class(np.ndarray, shape=property(ran), dtype=property(ran), __array_finalize__=lambda *_: None)
Frame = user_class(pd.DataFrame, columns=property(ran), dtypes=property(ran), shape=property(ran))


class Plain(pd.DataFrame):
    """A frame of the user's own that leaves everything as it is that is read."""

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        raise RanError


def hostile_label() -> pd.DataFrame:
    frame = pd.DataFrame([[1, 2]])
    frame.columns = pd.Index([SimpleNamespace(), 2], dtype=object)
    return frame


def annotated(value: object = 1) -> None: ...


annotated.__annotations__["value"] = user_class()()
annotated.__defaults__ = (user_class()(),)


def cells() -> Any:
    array = np.empty((2, 1), dtype=object)
    array[0, 0] = user_class()()
    return array


TEXTS = (list, dict, set, tuple, str, bytes, collections.deque, collections.Counter, Exception)
PROXIES: dict[str, Callable[[], object]] = {
    "an object of which nothing may be asked": lambda: user_class(__getattribute__=ran)(),
    "a class that is a property": lambda: user_class(__class__=property(ran))(),
    "attributes that are a property": lambda: user_class(__dict__=property(ran))(),
    "an object with a metaclass": lambda: types.new_class("Odd", (), {"metaclass": Meta})(),
    "a class with a metaclass": lambda: types.new_class("Odd", (), {"metaclass": Meta}),
    "a column that is an object": hostile_label,
    "a frame of the user's own": lambda: Frame({"a": [1]}),
    "an array of the user's own": lambda: np.zeros(2).view(Array),
    "a frame with an object in it": lambda: pd.DataFrame(cells()),
    "an array with an object in it": cells,
    "a function with odd annotations": lambda: annotated,
    "records with odd keys": lambda: [{1: 1}, {1: 2}],
    "a container of such": lambda: [user_class()(), {"a": user_class()()}, (user_class()(),)],
    "a partial": lambda: functools.partial(user_class(__call__=ran)()),
    "a method of an object": lambda: types.MethodType(user_class(__call__=ran)(), user_class()()),
    **{f"a kind of {base.__name__}": lambda base=base: user_class(base)() for base in TEXTS},  # type: ignore[misc]
}


@pytest.mark.parametrize("name", PROXIES)
def test_no_code_of_an_object_runs(name: str) -> None:
    value = PROXIES[name]()
    assert describe(value)
    assert short(value)
    assert summary({"x": value})
    assert is_handle(value) is False
    assert is_handle([value]) is False


def test_a_frame_of_the_users_own_is_outlined_by_the_librarys_means() -> None:
    assert describe(Plain({"a": [1]})) == "Plain with 1 rows, columns 'a' (int64)"
    assert describe(Frame({"a": [1]})) == "Odd"


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Result:
    rows: list[int]
    token: str = dataclasses.field(default="t", repr=False)


Pair = collections.namedtuple("Pair", "x y")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (10**400, "<int of 1329 bits>"),
        ("a", "'a'"),
        ([1, [2, (3,)], None], "[1, [2, (3,)], None]"),
        ({3, 1, 2}, "{1, 2, 3}"),
        (set(), "set()"),
        (frozenset("a"), "frozenset({'a'})"),
        ({"b": 1, "a": 2}, "{'b': 1, 'a': 2}"),
        (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        (collections.deque([1]), "deque([1])"),
        (Pair(1, 2), "Pair((1, 2))"),
        ({1: 2}.items(), "dict_items([(1, 2)])"),
        (Result([1]), "Result(rows=[1])"),
        (SimpleNamespace(a=1), "SimpleNamespace(a=1)"),
        (Colour.RED, "Colour.RED"),
        (ValueError("x"), "ValueError('x')"),
        (Path("p"), "PosixPath('p')"),
        (datetime.date(2024, 1, 1), "datetime.date(2024, 1, 1)"),
        (range(3), "range(0, 3)"),
        (np.arange(3), "array([0, 1, 2])"),
        (np.float64(2), "np.float64(2.0)"),
        (pd.DataFrame({"a": [1]}), "   a\n0  1"),
        (pd.Series([1]), "0    1"),
        (object(), "<object>"),
        (pa.table({"a": [1]}), "<Table with 1 rows, columns 'a' (int64)>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_short_texts(value: object, text: str) -> None:
    assert short(value) == text


def test_the_first_rows_of_a_frame_are_its_text() -> None:
    assert short(pd.DataFrame({"a": range(50)})).endswith("9  9\n... 50 rows in all")
    assert short(pl.DataFrame({"a": range(50)})).endswith("... 50 rows in all")
    assert "│ 1   │" in short(pl.DataFrame({"a": [1]}))


# Libraries


class Tensor:
    """Stands in for torch's, with the names of its attributes: torch is too large to test with."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (2, 3)

    @property
    def dtype(self) -> str:
        return "torch.float32"


Tensor.__module__ = "torch"


@pytest.mark.parametrize(
    ("value", "outline"),
    [
        (pl.DataFrame({"a": [1], "b": ["x"]}), "DataFrame with 1 rows, columns 'a' (Int64), 'b' (String)"),
        (pl.DataFrame({"l": [[1]], "s": [{"k": 1}]}), "DataFrame with 1 rows, columns 'l' (List(Int64)), 's' (Struct)"),
        (pl.DataFrame({"e": pl.Series(["v"], dtype=pl.Enum(["v"]))}), "DataFrame with 1 rows, columns 'e' (Enum)"),
        (pl.Series("a", [1]), "Series of Int64, shape (1,)"),
        (pl.DataFrame({"a": [1]}).lazy(), "LazyFrame"),
        (pa.table({"a": [1]}), "Table with 1 rows, columns 'a' (int64)"),
        (pa.record_batch({"a": [1]}), "RecordBatch with 1 rows, columns 'a' (int64)"),
        (pa.chunked_array([[1]]), "ChunkedArray of int64, shape (1,)"),
        (xr.Dataset({"a": ("x", [1.0])}), "Dataset with sizes 'x': 1, variables 'a' (float64)"),
        (xr.DataArray(np.zeros((2, 3))), "DataArray of float64, shape (2, 3)"),
        (Tensor(), "Tensor of torch.float32, shape (2, 3)"),
    ],
    ids=lambda value: f"{type(value).__module__.partition('.')[0]} {type(value).__name__}",
)
def test_tables_and_arrays_of_known_libraries_are_outlined(value: object, outline: str) -> None:
    assert describe(value) == outline


def test_a_relation_that_has_not_run_is_outlined_by_its_columns() -> None:
    class Relation:
        """Stands in for duckdb's, whose shape and length run the query."""

        columns = property(lambda self: ["a"])
        dtypes = property(lambda self: ["BIGINT"])
        shape = property(ran)
        __len__ = __repr__ = ran

    Relation.__module__ = "_duckdb"
    assert describe(Relation()) == "Relation with columns 'a' (BIGINT)"
    assert short(Relation()) == "<Relation with columns 'a' (BIGINT)>"


# Time


def large() -> Iterator[object]:
    many = 200_000
    texts: Any = [str(number * 7919) for number in range(many)]
    yield texts
    yield set(texts)
    yield frozenset(texts)
    yield dict.fromkeys(texts)
    yield dict.fromkeys(texts).values()
    yield collections.Counter(texts)
    yield collections.defaultdict(list, dict.fromkeys(texts))
    yield collections.OrderedDict.fromkeys(texts)
    yield collections.deque(texts)
    yield Result(texts)
    yield SimpleNamespace(rows=texts)
    yield type("Text", (str,), {})("x" * 20_000_000)
    yield [list(texts)] * 50
    yield [dict.fromkeys(texts)] * 5
    yield functools.reduce(lambda inner, _: [inner] * 50, range(30), texts)
    yield np.zeros((2_000, 2_000))
    yield pd.DataFrame(np.zeros((500_000, 3)))
    yield pl.DataFrame({"a": range(500_000)})


def test_looking_takes_no_longer_at_large_values() -> None:
    short(pd.DataFrame({"a": [1]}))  # imports
    for value in large():
        began = time.perf_counter()
        assert len(short(value)) < LONGEST + 60
        assert describe(value)
        assert time.perf_counter() - began < 0.2  # walking through them takes longer than that


def test_a_writer_that_takes_long_leaves_out_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[short.__module__], "PATIENCE", -1.0)
    assert short([1, 2]) == "[...]"


# A shell


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ShellExecutor]:
    isolate(monkeypatch, tmp_path)
    with new_shell() as shell:
        yield ShellExecutor(shell)


def test_one_bad_object_breaks_neither_the_summary_nor_a_run(executor: ShellExecutor) -> None:
    odd = user_class(__getattribute__=ran)
    executor.shell.user_ns.update({"odd": odd(), odd: 1, 1: "one", "good": 5})
    assert executor.summary() == "Variables in the notebook:\nodd: Odd\ngood: int"
    assert executor.user_names() == {"odd", "good"}
    assert executor.run("same = odd\ngood += 1").changed == (("good", "6"), ("same", "<Odd>"))


OWN = "own = {'Ada': 120_000, 'Bob': ['x' * 9]}\nnumber = 41\ntext = 'secret' * 3\npeople = ['Ada L.', 'Alan T.']"


@pytest.mark.parametrize(
    "code",
    [
        "same = own",
        "own.update(Cay=5)",
        "own['Ada'] = own['Ada'] * 1",
        "held = [own, text, number]",
        "held = {'a': own, 'b': (text,)}",
        "one = own['Ada']",
        "one = own.get('Ada')",
        "one = own.pop('Ada')",
        "one, two = own['Ada'], own['Bob']",
        "one = two = own['Ada']",
        "(one := own['Ada']) and None",
        "for name, one in own.items(): pass",
        "first = people[0]",
        "first = next(iter(people))",
        "first, *rest = people",
        "some = list(people)",
        "some = people.copy()",
        "some = people[:1]",
        "age = number",
        "age: int = number",
        "ages = [number]",
        "word = text",
        "word = text or None",
        "inner = globals()['own']['Bob']",
        "def read(): return own['Ada']\none = read()",
        "class Held: pass\nheld = Held(); held.own = own",
        "people.sort()",
        "people += ['Cay']",
        "del own['Bob']",
    ],
)
def test_values_of_the_users_own_are_not_told(code: str, executor: ShellExecutor) -> None:
    executor.shell.run_cell(OWN)
    changed = str(executor.run(code).changed)
    assert not any(value in changed for value in ("120000", "xxx", "41", "secret", "Ada L.", "Alan"))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("total = sum([1, 2])", "3"),
        ("total = number + 1000", "1041"),
        ("count = len(own)", "2"),
        ("name = 'Ann'", "'Ann'"),
        ("n = 41", "41"),
        ("words = ['a', 'b']", "['a', 'b']"),
        ("number = 7", "7"),
        ("number += 1000", "1041"),
        ("done = True", "True"),
        ("upper = text.upper()", repr("SECRET" * 3)),
        ("table = __import__('pandas').DataFrame({'a': [1]})", "   a\n0  1"),
    ],
)
def test_values_that_an_action_makes_are_told(code: str, told: str, executor: ShellExecutor) -> None:
    executor.shell.run_cell(OWN)
    assert [text for _, text in executor.run(code).changed] == [told]


def test_values_are_not_told_if_they_are_not_to_be(executor: ShellExecutor) -> None:
    executor.configure(dataclasses.replace(executor.options, values=False))
    assert executor.run("total = 5\nwords = ['a']").changed == (("total", "int"), ("words", "list of 1 str"))


# Fingerprints


def test_an_object_that_pretends_to_be_another_is_compared_by_its_type() -> None:
    pytest.importorskip("joblib")
    names = {"a class that is a property", "an object of which nothing may be asked"}
    found = fingerprints({name: PROXIES[name]() for name in names}, names)
    assert {covered for covered, _ in found.values()} == {"type"}
