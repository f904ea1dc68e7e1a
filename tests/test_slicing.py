"""What the end result of a session depends on, and what can be left out."""

from __future__ import annotations

import contextlib
import copy
import io
import random
import re
import time
from typing import Any, cast, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codeact_magic.risk.findings import Kind
from codeact_magic.session import Cell, Decision, Reply, Session, Status, Step, Turn
from codeact_magic.sessions.code_blocks import code_blocks
from codeact_magic.slicing import Slice, clean, without_failures
from codeact_magic.slicing.files import REACH, reach
from codeact_magic.verify.proof import first_proved

from .recordings import PlainEngine, session, step, turn

FRAME = "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2], 'y': [3, 4], 'k': ['a', 'b']})"


def kept(*codes: str | Step, cells: tuple[str, ...] = (), prompt: str = "Go on.", answer: str = "Done.") -> list[int]:
    """Return the numbers of the actions that are kept of one turn."""
    return [block.number for block in clean(session(turn(*codes, cells=cells, prompt=prompt, answer=answer))).actions]


def proved(recorded: Session) -> Slice | None:
    """Return the first slice of `recorded` that can be proved, None if all is kept."""
    return first_proved(recorded, [clean(recorded), without_failures(recorded)], PlainEngine)[0]


def kept_in_the_end(*codes: str) -> list[int]:
    """Return the numbers of the actions that are kept of one turn once the slice was proved."""
    part = proved(session(turn(*codes)))
    return [block.number for block in part.actions] if part else list(range(1, len(codes) + 1))


def reasons(part: Slice) -> dict[int, str]:
    return {dropped.block.number: dropped.reason for dropped in part.dropped}


# -- names -------------------------------------------------------------------------------------------------------------


def test_code_that_only_looks_is_dropped_and_code_that_the_end_needs_is_kept() -> None:
    part = clean(
        session(
            turn(
                "import pandas as pd\ndf = pd.read_csv('a.csv')",
                "df.head()",
                "print(df.shape, len(df))\ndf.info()",
                "means = df.groupby('k')['x'].mean()",
                "means",
            )
        )
    )
    assert [block.number for block in part.actions] == [1, 4, 5]
    assert reasons(part) == dict.fromkeys((2, 3), "it only looked at something")
    assert part.names == ("df", "means")


def test_values_that_are_unused_or_replaced_are_dropped() -> None:
    part = clean(session(turn("rate = 1", "tmp = rate * 2", "rate = 3", "final = rate + 1")))
    assert reasons(part) == {1: "what it made is made anew later", 2: "nothing that is kept uses what it made"}
    assert part.names == ("final", "rate")


def test_a_dead_end_is_dropped_with_all_that_only_it_needed() -> None:
    assert kept("a = 1", "b = a + 1", "c = b + 1", "import math", "math.sqrt(16)") == [4, 5]


def test_failed_and_interrupted_actions_are_dropped() -> None:
    part = clean(session(turn("a = 1", step("a.x", status="error"), step("while 1: 0", status="interrupted"), "a")))
    assert reasons(part) == {2: "it failed", 3: "it was interrupted"}


def test_the_statements_before_a_failure_are_kept_if_they_are_needed() -> None:
    failed = step("import math\nroot = math.sqrt(16)\nroot.foo()\nnever = 1", status="error", line="line 3: root.foo()")
    part = clean(session(turn(failed, "print(root)")))
    assert [(block.code, block.whole, block.status) for block in part.actions] == [
        ("import math\nroot = math.sqrt(16)\n", False, "ok"),
        ("print(root)", True, "ok"),
    ]
    assert [(one.block.code, one.reason) for one in part.dropped] == [
        ("root.foo()\nnever = 1", "from its line 3 on, where it failed"),
    ]
    assert reasons(clean(session(turn(failed, "print(1)")))) == {1: "it failed"}


def test_a_failing_line_of_another_cell_does_not_split_an_action() -> None:
    failed = step("root = 1\nf()\nroot", status="error", line="line 2: raise ValueError")
    assert kept("def f():\n    raise ValueError", failed, "root = 2", "root") == [3, 4]


def test_a_rejected_action_is_not_code_that_ran() -> None:
    rejected = Step(Reply(""), "", step("x").action, Decision("reject", "x"), observation_message="No.")
    assert [block.code for block in code_blocks(session(turn(rejected, "y = 1")))] == ["y = 1"]


def test_the_users_own_cells_are_always_kept_and_are_not_actions() -> None:
    part = clean(session(turn("b = 1", cells=["unused = 1"]), turn("b", cells=["print(b)", Cell("x.y", failed=True)])))
    assert [block.code for block in part.kept] == ["unused = 1", "b = 1", "print(b)", "x.y", "b"]
    assert [block.number for block in part.actions] == [1, 2]


def test_the_last_action_of_each_answered_turn_is_kept() -> None:
    answered = turn("a = 1", "a + 1")
    stopped = Turn("Stop.", steps=(step("c = 1"), step("c + 1")), outcome="stopped")
    assert [block.number for block in clean(session(answered, stopped, turn("d = 1"))).actions] == [1, 2, 5]
    assert [block.number for block in clean(session(stopped)).actions] == [1, 2]


def test_names_that_a_prompt_an_answer_or_a_later_cell_mentions_are_kept() -> None:
    assert kept("totals = 1", "print(2)", answer="The variable totals has it.") == [1, 2]
    assert kept("q = 1", "print(2)", answer="See `q`.") == [1, 2]
    assert kept("q = 1", "print(2)", answer="See q.") == [2]
    assert kept("model = 1", "print(2)", prompt="Fit a model.") == [1, 2]
    later = clean(session(turn("q = 1", "print(2)"), turn("0", cells=["print(q)"])))
    assert [block.number for block in later.actions] == [1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        "b.append(2)",
        "b += [2]",
        "b[0] = 2",
        "b.x = 2",
        "del b[0]",
        "change(b)",
        "b.sort()",
        "for part in b:\n    part.append(1)",
        "[part.append(1) for part in b]",
        "setattr(b, 'x', 1)",
        "import heapq\nheapq.heappush(b, 1)",
        "(lambda: b.append(1))()",
        "f = b.append\nf(1)",
        "import random\nrandom.shuffle(b)",
        "with b:\n    pass",
        "a.update(b=b)\na['b'].append(1)",
        "if b:\n    b.pop()",
    ],
)
def test_code_that_changes_a_shared_object_is_kept(change: str) -> None:
    assert 4 in kept("def change(x):\n    x.append(1)", "a = [[1]]", "b = a", change, "print(a)")


@pytest.mark.parametrize(
    "look",
    [
        "df.head(3)",
        "df.describe()",
        "sorted(df.columns)",
        "df[df.x > 1]",
        "tmp = df[(df.x > 1) & (df.y < 4)]\ntmp['z'] = 1",
        "df.groupby('k').agg({'x': 'sum'})",
        "df['x'].value_counts().plot(kind='bar')",
        "for column in df:\n    print(column)",
        "from IPython.display import display\ndisplay(df)",
        "import matplotlib.pyplot as plt\nplt.bar(df.x, df.y)\nplt.title('t')\nplt.show()",
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.scatter(df['x'], df['y'])\nax.set_title('t')",
        "import seaborn as sns\nsns.heatmap(df.corr())",
        "tmp = df.copy()\ntmp['z'] = 1\ntmp.drop(columns='x', inplace=True)",
        "df.sort_values('x').reset_index(drop=True)",
        "type(df), df.dtypes, df.isna().sum()",
        "import numpy as np\nnp.mean(df.x)",
        "def look(frame):\n    return frame.shape\nlook(df)",
        "%who",
        "!ls -la",
        "df?",
    ],
)
def test_code_that_only_looks_at_a_frame_is_dropped(look: str) -> None:
    assert kept(look, "print(df)", cells=(FRAME,)) == [2]


@pytest.mark.parametrize(
    "change",
    [
        "df['z'] = 1",
        "df.loc[0, 'x'] = 5",
        "df.drop(columns='x', inplace=True)",
        "df.insert(0, 'z', 1)",
        "df.columns = ['a', 'b', 'c']",
        "df = df.dropna()",
        "import numpy as np\nnp.add(df.x, 1, out=df.y)",
        "del df['x']",
        "for name in ['x']:\n    df[name] = 0",
        "def change(frame):\n    frame['z'] = 1\nchange(df)",
        "view = df['x']\nview.loc[0] = 1",
    ],
)
def test_code_that_changes_a_frame_is_kept(change: str) -> None:
    assert kept(change, "print(df)", cells=(FRAME,)) == [1, 2]


def test_a_call_needs_the_names_that_the_function_reads() -> None:
    part = ("limit = 1", "def over(x):\n    return x > limit", "limit = 2", "print(limit)", "over(3)")
    assert kept(*part) == [1, 2, 3, 5]  # to be safe, its definition needs it as well
    assert kept("def f(x):\n    return g(x)", "def g(x):\n    return x", "h = f", "h(1)") == [1, 2, 3, 4]


def test_calling_a_function_does_not_make_it_anew() -> None:
    assert kept(
        "def parse(x):\n    return x + 1", "try:\n    a = parse(1)\nexcept OSError:\n    a = 0", "parse(2)"
    ) == [1, 3]


def test_a_call_changes_what_the_function_changes() -> None:
    assert kept("seen = []", "def note(x):\n    seen.append(x)", "note(1)", "print(seen)") == [1, 2, 3, 4]
    assert kept("n = 0", "def more():\n    global n\n    n += 1", "more()", "print(n)") == [1, 2, 3, 4]


def test_a_name_that_an_error_was_caught_under_is_gone() -> None:
    part = clean(
        session(turn("error = 1", "try:\n    int('x')\nexcept ValueError as error:\n    print(1)", "print(2)"))
    )
    assert part.names == ()


def test_a_parameter_is_not_taken_for_the_module_of_its_name() -> None:
    assert kept("import re", "def f(re):\n    re.append(1)", "a = [1]", "f(a)", "print(a)") == [2, 3, 4, 5]
    assert kept("def f(x):\n    import numpy as n\n    return n.mean(x)", "a = [1]", "f(a)", "print(a)") == [2, 4]


def test_an_iterator_is_used_up_by_looking_at_it() -> None:
    assert kept("it = iter([1, 2])", "print(next(it))", "rest = list(it)") == [1, 2, 3]
    assert kept_in_the_end("it = (x for x in [1])", "print(sum(it))", "rest = list(it)") == [1, 2, 3]


@pytest.mark.parametrize(
    ("made", "look"),
    [
        ("import pandas as pd\na = pd.read_csv('a.csv', chunksize=2)", "print(a.get_chunk())"),
        ("a = []", "list(map(a.append, [1, 2]))"),
        ("import pandas as pd\ndf = pd.DataFrame()\na = []", "df.x.apply(a.append)"),
        ("import operator\na = []", "operator.iadd(a, [1])"),
        ("import functools\n@functools.lru_cache\ndef a(x):\n    return x", "a(1)"),
    ],
)
def test_code_that_changes_something_out_of_sight_is_kept(made: str, look: str) -> None:
    assert kept(made, look, "print(a)") == [1, 2, 3]


@pytest.mark.parametrize(
    ("made", "look"),
    [
        ("import collections\na = collections.defaultdict(list)", "a['x']"),
        ("class A:\n    n = 0\n    @property\n    def v(self):\n        self.n += 1\na = A()", "a.v"),
        ("class A:\n    n = 0\n    def __len__(self):\n        self.n += 1\n        return 1\na = A()", "len(a)"),
        ("a = [[1]]", "match a:\n    case [x]:\n        x.append(2)"),
    ],
)
def test_a_look_that_changes_something_is_found_by_the_proof(made: str, look: str) -> None:
    assert kept(made, look, "print(a)") == [1, 3]
    assert kept_in_the_end(made, look, "print(a)") == [1, 2, 3]


def test_once_there_is_a_seed_random_numbers_are_drawn_in_order() -> None:
    seeded = ("import random\nrandom.seed(1)", "print(random.random())", "x = random.random()")
    assert kept(*seeded) == [1, 2, 3]
    assert kept("import random", *seeded[1:]) == [1, 3]


def test_calls_that_may_change_the_state_of_a_module_are_kept_in_order() -> None:
    assert kept("import lib", "lib.configure(3)", "x = lib.make()") == [1, 2, 3]


@pytest.mark.parametrize(
    "code",
    [
        "exec('a = 2')",
        "globals()['a'] = 2",
        "%run other.py",
        "from lib import *",
        "print(_)",
        "def broken(:\n",
        "import os\nos.environ['A'] = '1'",
        "import pandas as pd\npd.set_option('display.max_rows', 5)",
        "import matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 50",
        "import matplotlib as mpl\nrc = mpl.rcParams\nrc.update({'figure.dpi': 50})",
        "%matplotlib inline",
        "!pip install lib",
        "import subprocess\nsubprocess.run(['make'])",
        "import requests\nrequests.get('http://localhost')",
    ],
)
def test_code_that_reaches_beyond_names_is_kept(code: str) -> None:
    assert kept("a = 1", code, "print(3)")[-2:] == [2, 3]


def test_unneeded_imports_are_dropped_and_a_package_does_not_replace_its_module() -> None:
    assert kept("import json", "import math", "math.pi") == [2, 3]
    assert kept("import scipy.stats", "import scipy", "scipy.stats.norm") == [1, 2, 3]


# -- files -------------------------------------------------------------------------------------------------------------


def test_code_that_writes_a_file_is_kept_unless_the_file_is_written_again() -> None:
    assert kept("df.to_csv('a.csv')", "print(1)", cells=(FRAME,)) == [1, 2]
    part = clean(session(turn("df.to_csv('a.csv')", "df.to_csv('a.csv', index=False)", "print(1)", cells=[FRAME])))
    assert reasons(part) == {1: "what it made is made anew later"}


@pytest.mark.parametrize(
    "between",
    [
        "b = pd.read_csv('a.csv')\nprint(b)\nopen('c.txt', 'w')",
        "b = open('./a.csv').read()\nopen('c.txt', 'w')",
        "name = input()\nb = open(name).read()\nopen('c.txt', 'w')",
        "import subprocess\nsubprocess.run(['make'])",
        "!cat a.csv > b.csv",
    ],
)
def test_a_file_that_is_read_before_it_is_written_again_is_kept(between: str) -> None:
    assert kept("df.to_csv('a.csv')", between, "df.to_csv('a.csv')", cells=(FRAME,)) == [1, 2, 3]


@pytest.mark.parametrize(
    "second",
    [
        "df.to_csv('a.csv', mode='a')",
        "with open('a.csv', 'a') as file:\n    file.write('x')",
        "name = 'a.csv'\ndf.to_csv(name)",
        "if df.size:\n    df.to_csv('a.csv')",
        "df.to_csv('b.csv')",
        "df = pd.read_csv('a.csv')\ndf.to_csv('a.csv')",
    ],
)
def test_code_that_may_not_replace_a_file_does_not_stand_in_for_the_code_that_wrote_it(second: str) -> None:
    assert kept("df.to_csv('a.csv')", second, "print(1)", cells=(FRAME,)) == [1, 2, 3]


LOOP = "for n in 'ab':\n    open(n + '.txt', 'w').write(n)\n    n.x"
FAILED = {"output_type": "error", "ename": "SyntaxError", "evalue": "", "traceback": []}


@pytest.mark.parametrize(
    ("failed", "reader"),
    [
        (LOOP, "print(open('a.txt').read())"),
        (LOOP, "import pandas as pd\npd.read_csv(name)"),
        (LOOP, "with open('log.txt', 'a') as file:\n    print(1, file=file)"),
        (LOOP, "!cat a.txt"),
        ("with open('a.txt', 'w') as file:\n    file.x", "print(open('a.txt').read())"),
        ("import subprocess\nsubprocess.run(['make'], check=True)", "print(open('a.txt').read())"),
        ("save('a').x", "print(open('a.txt').read())"),
        (LOOP, "print(load('a'))"),
    ],
)
@pytest.mark.parametrize("status", ["error", "interrupted"])
def test_all_is_kept_if_a_file_may_be_read_that_a_failed_action_left(failed: str, reader: str, status: Status) -> None:
    functions = "def save(n):\n    open(n, 'w').write(n)\ndef load(n):\n    return open(n).read()"
    recorded = session(turn("name = 'a.txt'", step(failed, status=status), reader, cells=[functions]))
    part = clean(recorded)
    how = "failed" if status == "error" else "was interrupted"
    assert part.kept == code_blocks(recorded)
    assert part.note == f"Action 2 {how}, and may have left files that action 3 reads: all actions are kept."


@pytest.mark.parametrize(
    "failed",
    [
        step("a.x\nopen('a.txt', 'w').write('1')", status="error", line="line 1: a.x"),
        step("open('b.txt', 'w').write(a.x)", status="error"),
        step("open('a.txt', 'w').write('1'", FAILED, status="error"),
        step("b = open('a.txt').read().x", status="error"),
    ],
    ids=["did not come to it", "another file", "not Python", "reads"],
)
def test_a_failed_action_that_left_nothing_that_is_read_is_dropped(failed: Step) -> None:
    assert kept("a = 1", failed, "print(open('a.txt').read())") == [3]


def test_a_failed_action_is_dropped_if_its_file_is_written_again_before_it_is_read() -> None:
    failed = step("with open('a.txt', 'w') as file:\n    file.x", status="error")
    write, look = "with open('a.txt', 'w') as file:\n    file.write('1')", "print(open('a.txt').read())"
    assert kept(failed, write, look) == [2, 3]
    assert kept(failed, "b = open('a.txt').read()", write, "print(b)") == [1, 2, 3, 4]


def test_effects_on_the_world_before_a_failure_are_kept() -> None:
    failed = step("open('a.txt', 'w').write('1')\na.x", status="error", line="line 2: a.x")
    assert kept(failed, "print(2)") == [1, 2]


def test_a_call_does_to_files_what_the_function_does() -> None:
    save = "def save(name):\n    open(name, 'w').write('1')"
    load = "class Loader:\n    def load(self):\n        return open('a.csv').read()\nloader = Loader()"
    assert kept(save, "save('a')", "print(1)") == [1, 2, 3]
    assert kept("df.to_csv('a.csv')", load, "b = loader.load()", "df.to_csv('a.csv')", "b", cells=(FRAME,)) == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_an_action_that_showed_a_figure_is_kept() -> None:
    figure = {"output_type": "display_data", "data": {"image/png": "", "text/plain": "<Figure>"}, "metadata": {}}
    assert kept(step("df.x.plot()", figure), "df.x.max()", "print(1)", cells=(FRAME,)) == [1, 3]


def test_slicing_knows_every_kind_of_finding() -> None:
    assert REACH.keys() == set(get_args(Kind))


def test_code_with_an_unknown_kind_of_finding_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reach(cast(Kind, "a new kind")) == "any file"
    looks = ("import os", "os.getenv('A')", "print(1)")
    assert kept(*looks) == [3]
    monkeypatch.setattr("codeact_magic.slicing.files.REACH", {})
    assert kept(*looks) == [1, 2, 3]


# -- promised values --------------------------------------------------------------------------------------------------


def test_a_name_that_dropped_code_changed_later_is_not_promised() -> None:
    part = clean(session(turn("a = 1\nb = 2", "print(a + b)"), turn("b = 5", "print('end')")))
    assert [block.number for block in part.actions] == [1, 2, 4]
    assert part.names == ("a",)


def test_a_failed_action_is_assumed_to_have_changed_nothing() -> None:
    part = clean(session(turn("a = [1]", step("a.append(1 / 0)", status="error"), "a.append(2)", "print(a)")))
    assert part.names == ("a",)


def test_the_variable_of_a_comprehension_is_not_promised() -> None:
    assert clean(session(turn("a = [n for n in range(3)]", "a"))).names == ("a",)
    assert clean(session(turn("a = [last := n for n in range(3)]", "a"))).names == ("a", "last")


def test_modules_and_private_names_are_not_promised() -> None:
    assert clean(session(turn("import math\n_x = 1\ny = math.pi + _x", "y"))).names == ("y",)


def test_the_fuller_slice_has_all_that_went_well() -> None:
    recorded = session(turn("a = 1", "b = 2", step("a.x", status="error"), "print(a)"))
    part = without_failures(recorded)
    assert [block.number for block in part.actions] == [1, 2, 4]
    assert reasons(part) == {3: "it failed"}
    assert part.names == ("a", "b")


@pytest.mark.parametrize(
    "code",
    [
        "x = " + "+".join(["a"] * 5000),
        "x = " + "(" * 150 + ")" * 150,
        "x = " + "[" * 5000,
        "def f(a0):\n" + "\n".join(f"    a{n} = a{n - 1} + a{n - 1}" for n in range(1, 400)) + "\n    return a399",
        "\n".join(f"x{n} = x{n + 1} = [x{n}]" for n in range(400)),
        "x = lambda: " * 90 + "0",
        "\0",
    ],
    ids=["long", "nested", "open", "doubled", "chained", "lambdas", "zero"],
)
@pytest.mark.slow
def test_code_that_is_hard_to_read_is_kept_in_good_time(code: str) -> None:
    began = time.process_time()
    assert kept("a = 1", code, "print(x)")[-1] == 3
    assert time.process_time() - began < 20


def test_a_session_without_code_has_nothing_to_keep() -> None:
    assert clean(session()) == clean(session(turn())) == Slice((), (), ())


# -- random programs ---------------------------------------------------------------------------------------------------

START = """\
a = [1, 2]
b = {'k': [3]}
c = [4]
d = [c, 5]
e = 7
i = 0
def f(x):
    return x
def g(x):
    return [x]"""
EXPRESSIONS = (
    """
1|@|@|[@, 2]|[$, $]|{'k': $}|@ + $|list(@)|[x for x in @]|@['k']|@[0]|f(@)|g(@)|len(@)|@.copy()|(@ if @ else @)
@.get('k')|sorted(@)|dict(k=@)|iter(list(@))|next(@, 0)|(y for y in tuple(@))|tuple(@)|max(@)|lambda: @|@()|type(@)
[@] * 2|@ and @|@ is @|{**@}|[*@]|zip(tuple(@), tuple(@))|[x for x in [@, @]]
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
STATEMENTS = (
    """
@ = $|@ = $|@ = $|@ = $|@ = $|@ += [$]|@ += 1|@.append($)|@['k'] = $|@[0] = $|print($)|len(@)|@, @ = @, $|@ = @ = $
f(@)|g(@)|@()|@.update(k=@)|@.pop()|@.sort()|@.clear()|next(@)|sum(@)|del @|@ = i|print([@ := $])|f = g|g = f|@ = f
def f(x):~    return x|def f(x):~    @.append(x)~    return @|def f(x):~    x.append(1)~    return [x]
def f(x, y=$):~    return y|def f(x):~    global @~    @ = x|def f(x):~    yield x~    yield from list(x)
def f(x):~    return lambda: @.append(x)|def f(x):~    y = [x]~    y.append(@)~    return y
def g(x):~    return f(x)|def g(x):~    z = x~    z.append(0)~    return z|g = lambda v: @
class g:~    items = @~    def __init__(self, v):~        self.v = v~    def append(self, w):~        @.append(w)
class g:~    def __init__(self, v):~        self.v = v~    def copy(self):~        @.append(self.v)~        return self
if @:~    %|if @:~    %~else:~    %|for i in list(@)[:2]:~    %
for i in range(2):~    %|try:~    %~except Exception:~    %
with open('/dev/null') as @:~    %|while @:~    %~    break
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


class Writer:
    """Writes random programs."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def statement(self, depth: int = 0) -> str:
        """Return a statement; one that has others in it not too deep."""
        form = self._chance.choice([form for form in STATEMENTS if depth < 2 or "%" not in form]).replace("~", "\n")
        while "%" in form:
            form = form.replace("%", self.statement(depth + 1).replace("\n", "\n    "), 1)
        return self._filled(form)

    def _filled(self, form: str, depth: int = 0) -> str:
        while "$" in form:
            inner = [inner for inner in EXPRESSIONS if depth < 2 or "$" not in inner]
            form = form.replace("$", self._filled(self._chance.choice(inner), depth + 1), 1)
        while "@" in form:
            form = form.replace("@", self._chance.choice("abcde"), 1)
        return form

    def program(self, length: int) -> list[str]:
        """Return pieces of code that run one after the other."""
        pieces: list[str] = []
        for _ in range(20 * length):
            piece = "\n".join(self.statement() for _ in range(self._chance.choice([1, 1, 1, 2, 3])))
            if len(pieces) < length and outcome([START, *pieces, piece]) is not None:
                pieces.append(piece)
        return pieces


def outcome(pieces: list[str]) -> dict[str, Any] | None:
    """Return the namespace after running `pieces`, None if they fail."""
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            for piece in pieces:
                exec(piece, names)
        except Exception:
            return None
    return names


def shape(value: Any, seen: dict[int, int]) -> Any:
    """Return a value as far as it can be compared, which object is which included."""
    if id(value) in seen:
        return "seen", seen[id(value)]
    if isinstance(value, int | str | None):
        return re.sub("0x[0-9a-f]+", "", value) if isinstance(value, str) else value
    seen[id(value)] = len(seen)
    if isinstance(value, list | tuple):
        return type(value).__name__, [shape(item, seen) for item in value]
    if isinstance(value, dict):
        return "dict", [(key, shape(item, seen)) for key, item in value.items()]
    if type(value).__name__ in ("list_iterator", "tuple_iterator"):
        return "iterator", shape(list(copy.copy(value)), seen)
    own = vars(value) if type(value).__name__ == "g" else {}
    return type(value).__name__, shape(own, seen)


def program(seed: int) -> tuple[list[str], Session]:
    """Return a random program, and the session that it ran in."""
    pieces = Writer(random.Random(seed)).program(6)
    recorded = turn(*pieces, cells=[START]) if seed % 2 else turn(START, *pieces)
    return [START, *pieces], session(recorded)


def is_right(part: Slice, pieces: list[str]) -> bool:
    """Return whether the promised variables have the values that they have after all of the program."""
    whole, sliced = outcome(pieces), outcome([block.code for block in part.kept])
    assert whole is not None
    return sliced is not None and all(
        (name in whole) == (name in sliced) and shape(whole.get(name), {}) == shape(sliced.get(name), {})
        for name in part.names
    )


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**40))
def test_the_slice_of_a_random_program_gives_the_promised_values(seed: int) -> None:
    pieces, recorded = program(seed)
    assume(len(pieces) > 1)
    part = proved(recorded)
    assert part is None or is_right(part, pieces)


@pytest.mark.slow
def test_the_smallest_slice_of_a_random_program_is_seldom_wrong_and_the_proof_finds_it() -> None:
    wrong = 0
    for seed in range(300):
        pieces, recorded = program(seed)
        part = clean(recorded)
        if not is_right(part, pieces):
            wrong += 1
            assert proved(recorded) != part, seed
    assert wrong <= 6


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.text(alphabet="ab=%!?()[]:\n .,'\"\\", max_size=60))
def test_any_text_can_be_looked_at(one: str, other: str) -> None:
    part = clean(session(turn(one, other, "x = 1", cells=[one])))
    assert {block.number for block in part.actions} | {one.block.number for one in part.dropped} == {1, 2, 3}
