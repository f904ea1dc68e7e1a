"""Findings: one for each effect of an action, none for harmless code."""

# ruff: noqa: RUF001 (look-alike letters are part of the tests)

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeact_magic.risk import Finding, scan
from codeact_magic.risk.findings import ScanReport
from codeact_magic.risk.ipython_syntax import parse
from codeact_magic.risk.magics import is_magic
from codeact_magic.risk.program import Program
from codeact_magic.risk.rules import Rules

NAMES = frozenset({"df", "rows", "total", "model", "pd", "np", "plt", "os"})  # the user's own, with modules

# (the code, its badges)
WRITES = [
    ("Path('notes.txt').write_text('x')", "writes notes.txt"),
    ("pathlib.Path('x.bin').write_bytes(b'')", "writes x.bin"),
    ("df.to_excel('sales.xlsx')", "writes sales.xlsx"),
    ("import shutil; shutil.copy('a', 'b')", "writes b"),
    ("import shutil as s; s.copy('a', 'b')", "writes b"),
    ("from shutil import copy as c; c('a', 'b')", "writes b"),
    ("f = shutil.copy; f('a', 'b')", "writes b"),
    ("w = Path('x').write_text; w('...')", "writes files with write_text"),
    ("Path.write_text(p, 'x')", "writes p"),
    ("open('x', 'w')", "writes x"),
    ("open('log.txt', 'a').write('x')", "writes log.txt"),
    ("open(file='x', mode='w')", "writes x"),
    ("open(p, mode)", "writes p"),
    ("modes = ['r', mode]; open('x', modes[1])", "writes x"),
    ("open(*args)", "writes files with open"),
    ("mode = 'w'\nopen('x', mode)", "writes x"),
    ("f = open; f('x', 'w')", "writes x"),
    ("open.__call__('x', 'w')", "writes x"),
    ("[open][0]('x', 'w')", "writes x"),
    ("f\"{open('x', 'w')}\"", "writes x"),
    ("with open('o.json', 'w') as f: json.dump(d, f)", "writes o.json"),
    ("from functools import partial; save = partial(open, mode='w'); save('x')", "writes files with open"),
    ("op = getattr(builtins, 'op' + 'en'); op('x', 'w')", "writes x"),
    ("import builtins as b; b.open('x', 'w')", "writes x"),
    ("from io import open as o; o('x', 'w')", "writes x"),
    ("Path('x').open('w')", "writes x"),
    ("p.open('w')", "writes p"),
    ("io.open('x', 'w')", "writes x"),
    ("io.FileIO('x', 'w')", "writes x"),
    ("import doctest; doctest.run_docstring_examples('>>> f()', {})", "cannot be read: doctest.run_docstring_examples"),
    ("os.open('x', os.O_WRONLY)", "writes x"),
    ("gzip.open('x.gz', 'wt')", "writes x.gz"),
    ("zipfile.ZipFile('x.zip', 'w')", "writes x.zip"),
    ("with zipfile.ZipFile('a.zip') as z: z.extract('a')", "writes a"),
    ("tarfile.open('x.tgz', 'w:gz')", "writes x.tgz"),
    ("sqlite3.connect('x.db')", "writes x.db"),
    ("h5py.File('x.h5', 'a')", "writes x.h5"),
    ("np.memmap('x', mode='w+')", "writes x"),
    ("with pd.HDFStore('x.h5') as store: store['a'] = 1", "writes x.h5"),
    ("with pd.ExcelWriter('o.xlsx') as w: df.to_excel(w)", "writes o.xlsx"),
    ("pickle.dump(model, f)", "writes f"),
    ("f = open('x', 'wb'); pickle.dump(model, f)", "writes x"),
    ("joblib.dump(model, 'm.pkl')", "writes m.pkl"),
    ("torch.save(m, 'm.pt')", "writes m.pt"),
    ("np.save('x.npy', a); np.savetxt('x.txt', a)", "writes x.npy", "writes x.txt"),
    ("df.to_csv('x.csv')", "writes x.csv"),
    ("df.to_csv(path_or_buf='x.csv')", "writes x.csv"),
    ("df.to_csv(f'{name}.csv')", "writes {name}.csv"),
    ("name = 'r.csv'; df.to_csv(name)", "writes r.csv"),
    ("df.to_csv(**options)", "writes files with to_csv"),
    ("df.to_csv(out)", "writes out"),
    ("df.pipe(pd.DataFrame.to_csv, 'x.csv')", "writes files with to_csv"),
    ("getattr(df, 'to_csv')('x.csv')", "writes x.csv"),
    ("for m in ['mean', 'to_csv']: getattr(df, m)('x.csv')", "writes x.csv"),
    ("df.groupby('a').apply(lambda g: g.to_csv('x.csv'))", "writes x.csv"),
    ("df.T.head().to_parquet('x.parquet')", "writes x.parquet"),
    ("df.to_sql('sales', con)", "writes sales"),
    ("plt.savefig('x.png')", "writes x.png"),
    ("fig.savefig(os.path.join('plots', 'x.png'))", "writes plots/x.png"),
    ("fig.write_html('p.html')", "writes p.html"),
    ("img.save('x.png')", "writes x.png"),
    ("pdf.output('x.pdf')", "writes x.pdf"),
    ("arr.tofile('x.bin')", "writes x.bin"),
    ("ET.ElementTree(r).write('x.xml')", "writes x.xml"),
    ("os.makedirs('out', exist_ok=True)", "writes out"),
    ("os.rename('a', 'b')", "writes b"),
    ("Path('a').rename('b')", "writes b"),
    ("Path('a').replace('b')", "writes b"),
    ("for p in Path('.').glob('*'): p.rename(p.with_suffix('.bak'))", "writes p.with_suffix('.bak')"),
    ("paths = []\nfor q in sorted(Path('.').iterdir()):\n    paths.append(q)\npaths[0].replace('x')", "writes x"),
    ("def backup(p: Path): p.rename('b')", "writes b"),
    ("def make(): return Path('x')\nmake().rename('y')", "writes y"),
    ("class A:\n    def __init__(self): self.p = Path('x')\n    def go(self): self.p.rename('y')", "writes y"),
    ("Path('d').mkdir(parents=True)", "writes d"),
    ("out = Path('out'); (out / 'a.csv').write_text('x')", "writes out/a.csv"),
    ("shutil.move('a', 'b')", "writes b"),
    ("tempfile.NamedTemporaryFile()", "writes files with tempfile.NamedTemporaryFile"),
    ("logging.basicConfig(filename='x.log')", "writes x.log"),
    ("fileinput.input('x', inplace=True)", "writes x"),
    ("conn.execute('DELETE FROM t')", "writes a database: DELETE FROM t"),
    ('cur.execute("INSERT INTO t VALUES (1)")', "writes a database: INSERT INTO t VALUES (1)"),
    ("duckdb.sql(\"COPY t TO 'x.csv'\")", "writes a database: COPY t TO 'x.csv'"),
    ("s.copy('a.csv', 'b.csv')", "writes a.csv", "writes b.csv"),
]
DELETES = [
    ("os.remove('x')", "deletes x"),
    ("from os import remove; remove('x')", "deletes x"),
    ("import os as o; o.remove('x')", "deletes x"),
    ("mods = [os, sys]; mods[0].remove('x')", "deletes x"),
    ("f = print if a else os.remove; f('x')", "deletes x"),
    ("importlib.import_module('shutil').rmtree('x')", "deletes x"),
    ("__import__('os').unlink('x')", "deletes x"),
    ("shutil.rmtree(Path('out') / 'tmp')", "deletes out/tmp"),
    ("for p in Path('.').glob('*.tmp'): p.unlink()", "deletes p"),
    ("for d, _, fs in os.walk('.'):\n    for f in fs: os.remove(os.path.join(d, f))", "deletes d/f"),
    ("list(map(os.remove, files))", "deletes files with os.remove"),
    ("delete = os.remove", "deletes files with os.remove"),
    ("def f(x=os.remove('a')): pass", "deletes a"),
]
PROCESSES = [
    ("subprocess.run(['ls'])", "runs a process: subprocess.run"),
    ("from subprocess import check_output; check_output('ls')", "runs a process: subprocess.check_output"),
    ("import subprocess as sp; sp.Popen('ls')", "runs a process: subprocess.Popen"),
    ("sp.run(['ls'])", "runs a process: sp.run"),
    ("tools.run('ls', shell=True)", "runs a process: tools.run"),
    ("os.system('ls')", "runs a process: os.system"),
    ("getattr(os, 'sys' + 'tem')('ls')", "runs a process: os.system"),
    ("pd.io.common.os.system('ls')", "runs a process: os.system"),
    ("threading.Thread(target=os.system, args=('ls',)).start()", "runs a process: os.system"),
    ("os.popen('ls').read()", "runs a process: os.popen"),
    ("os.execvp('ls', ['ls'])", "runs a process: os.execvp"),
    ("os.kill(3, 9)", "runs a process: os.kill"),
    ("multiprocessing.Pool(4)", "runs a process: multiprocessing.Pool"),
    ("from concurrent.futures import ProcessPoolExecutor", "runs a process: concurrent.futures.ProcessPoolExecutor"),
    ("signal.alarm(3)", "runs a process: signal.alarm"),
    ("proc.terminate()", "runs a process: proc.terminate"),
]
NETWORK = [
    ("requests.get('http://x').json()", "network: requests.get"),
    ("import requests as r; r.get(u)", "network: requests.get"),
    ("httpx.post('http://x', json={})", "network: httpx.post"),
    ("urllib.request.urlopen('http://x')", "network: urllib.request.urlopen"),
    ("from urllib.request import urlopen; urlopen(u)", "network: urllib.request.urlopen"),
    ("urllib.request.urlretrieve('http://x', 'f.zip')", "network: urllib.request.urlretrieve", "writes f.zip"),
    ('pd.read_csv("http://x/y.csv")', "network: pandas.read_csv"),
    ('pd.read_csv("https://x/" + name)', "network: pandas.read_csv"),
    ("pd.read_csv('http:' + '//x/y.csv')", "network: pandas.read_csv"),
    ('pd.read_parquet("s3://bucket/x")', "network: pandas.read_parquet"),
    ("url = 'https://x'; r = pd.read_csv(url)", "network: pandas.read_csv"),
    ("base = 'https://x'\nu = f'{base}/a'\npd.read_json(u)", "network: pandas.read_json"),
    ("for u in ['https://a', 'https://b']:\n    pd.read_csv(u)", "network: pandas.read_csv"),
    ("cfg = {'url': 'https://x'}; pd.read_csv(cfg['url'])", "network: pandas.read_csv"),
    ("load = lambda u: pd.read_csv(u)\nload('https://x/y.csv')", "network: pandas.read_csv"),
    ("def load(u): return pd.read_csv(u)\nload('https://x/y.csv')", "network: pandas.read_csv"),
    ("np.loadtxt('https://x/y.txt')", "network: numpy.loadtxt"),
    ("session.get('https://x')", "network: session.get"),
    ("socket.socket()", "network: socket.socket"),
    ("http.client.HTTPSConnection('x')", "network: http.client.HTTPSConnection"),
    ("aiohttp.ClientSession()", "network: aiohttp.ClientSession"),
    ("smtplib.SMTP('x')", "network: smtplib.SMTP"),
    ("boto3.client('s3')", "network: boto3.client"),
    ("yf.download('AAPL')", "network: yfinance.download"),
    ("sns.load_dataset('tips')", "network: sns.load_dataset"),
    ("fetch_openml('mnist')", "network: fetch_openml"),
    ("AutoModel.from_pretrained('bert')", "network: AutoModel.from_pretrained"),
    ("torchvision.models.resnet18(pretrained=True)", "network: torchvision.models.resnet18"),
    ("duckdb.sql(\"SELECT * FROM 'https://x/y.parquet'\")", "network: duckdb.sql"),
]
INSTALLS = [
    ("!pip install pandas numpy -q", "installs pandas numpy"),
    ("%pip install seaborn", "installs seaborn"),
    ("pip install seaborn", "installs seaborn"),
    ("!python -m pip install --upgrade seaborn", "installs seaborn"),
    ("!{sys.executable} -m pip install seaborn", "installs seaborn"),
    ("!conda install -y seaborn && rm -rf x", "installs seaborn", "shell: conda install -y seaborn && rm -rf x"),
    ("%%capture\n!pip install seaborn", "installs seaborn"),
    ("try:\n    import seaborn\nexcept ImportError:\n    !pip install seaborn", "installs seaborn"),
    (
        "subprocess.check_call([sys.executable, '-m', 'pip', 'install', 'seaborn'])",
        "runs a process: subprocess.check_call",
        "installs seaborn",
    ),
    ("os.system('pip install seaborn')", "runs a process: os.system", "installs seaborn"),
]
EXITS = [
    ("exit()", "ends the kernel: exit"),
    ("quit()", "ends the kernel: quit"),
    ("quit", "ends the kernel: quit"),
    ("sys.exit(1)", "ends the kernel: sys.exit"),
    ("os._exit(0)", "ends the kernel: os._exit"),
    ("raise SystemExit('bye')", "ends the kernel: SystemExit"),
    ("raise SystemExit if bad else ValueError", "ends the kernel: SystemExit"),
    ("(lambda: exit())()", "ends the kernel: exit"),
]
ENVIRONMENT = [
    ("os.environ['A'] = '1'", "changes the environment: os.environ"),
    ("os.environ.update(A='1')", "changes the environment: os.environ"),
    ("os.environ |= {'a': '1'}", "changes the environment: os.environ"),
    ("del os.environ['A']", "changes the environment: os.environ"),
    ("from os import environ as env; env['A'] = '1'", "changes the environment: os.environ"),
    ("os.environ['TOKEN']", "reads the environment: os.environ"),
    ("print(dict(os.environ))", "reads the environment: os.environ"),
    ("os.getenv('TOKEN')", "reads the environment: os.getenv"),
    ("load_dotenv()", "changes the environment: load_dotenv"),
    ("os.chdir('x')", "changes the environment: os.chdir"),
    ("os.putenv('A', '1')", "changes the environment: os.putenv"),
    ("sys.path.append('x')", "changes the environment: sys.path"),
    ("sys.path += ['x']", "changes the environment: sys.path"),
    ("sys.stdout = None", "changes the environment: sys.stdout"),
    ("pandas.read_csv = None", "changes the environment: pandas.read_csv"),
    ("import __main__; __main__.df = 3", "changes the environment: __main__.df"),
    ("%env", "reads the environment: %env"),
    ("%env A=1", "changes the environment: %env A=1"),
    ("%cd data", "changes the environment: %cd data"),
    ("cd ..", "changes the environment: %cd .."),
]
REBINDS = [
    ("df = df.dropna()", "overwrites your df"),
    ("df = df.copy(); df['x'] = 1", "overwrites your df"),
    ("total += 1", "overwrites your total"),
    ("df: object = 3", "overwrites your df"),
    ("df, y = y, df", "overwrites your df"),
    ("[total, *rest] = x", "overwrites your total"),
    ("for total in range(3): pass", "overwrites your total"),
    ("with open('x') as total: pass", "overwrites your total"),
    ("try:\n    1\nexcept Exception as total:\n    pass", "overwrites your total"),
    ("def df(): pass", "overwrites your df"),
    ("async def df(): pass", "overwrites your df"),
    ("class df: pass", "overwrites your df"),
    ("import numpy as df", "overwrites your df"),
    ("from numpy import array as df", "overwrites your df"),
    ("import pandas as np", "overwrites your np"),
    ("from math import *", "may overwrite your names: from math import *"),
    ("if (total := f()): pass", "overwrites your total"),
    ("[(total := i) for i in range(3)]", "overwrites your total"),
    ("match x:\n    case {'a': total, **rows}: pass", "overwrites your rows", "overwrites your total"),
    ("match x:\n    case [df, *rows]: pass", "overwrites your df", "overwrites your rows"),
    ("def f():\n    global total\n    total = 1", "overwrites your total"),
    ("x = %time total = 3", "overwrites your total"),
    ("%%time\ntotal = 1", "overwrites your total"),
    ("del df", "deletes your df"),
    ("del df, total", "deletes your df", "deletes your total"),
    ("df['x'] = 1", "changes your df"),
    ("df['x'] += 1", "changes your df"),
    ("df.loc[df.a > 1, 'x'] = 2", "changes your df"),
    ("df.columns = ['a']", "changes your df"),
    ("df.index.name = 'a'", "changes your df"),
    ("rows[0]['x'] = 1", "changes your rows"),
    ("rows[i][j] = 1", "changes your rows"),
    ("del df['a']", "changes your df"),
    ("df.drop('a', inplace=True)", "changes your df"),
    ("df['a'].fillna(0, inplace=True)", "changes your df"),
    ("df.__setitem__('a', 1)", "changes your df"),
    ("setattr(df, 'a', 1)", "changes your df"),
    ("np.add(a, b, out=total)", "changes your total"),
    ("tmp = df; tmp['x'] = 1", "changes your df"),
    ("for d in [df, other]: d['x'] = 1", "changes your df"),
    ("for name, d in {'a': df}.items(): d['x'] = 1", "changes your df"),
    ("for row in rows: row['x'] = 1", "changes your rows"),
    ("for i, row in enumerate(rows): row['x'] = 1", "changes your rows"),
    ("backup = [df]; backup[0].loc[0] = 1", "changes your df"),
    ("def clean(d):\n    d['x'] = 1\nclean(df)", "changes your df"),
    ("def clean(d):\n    if d.empty:\n        d = d.copy()\n    d['x'] = 1\nclean(df)", "changes your df"),
    ("def clean(d=df): d['x'] = 1", "changes your df"),
    ("def clean(*all):\n    for d in all: d['x'] = 1\nclean(df)", "changes your df"),
    ("def change():\n    df['x'] = 1", "changes your df"),
    ("sum = 0", "overwrites the built-in sum"),
    ("def open(x): pass", "overwrites the built-in open"),
    ("%reset -f", "deletes your names: %reset -f"),
    ("reset -f", "deletes your names: %reset -f"),
    ("%xdel df", "deletes your names: %xdel df"),
]
MAGICS = [
    ("%codeact do it", "IPython: %codeact do it"),
    ("%%codeact\ndo it", "IPython: %%codeact"),
    ("%sql select 1", "IPython: %sql select 1"),
    ("%%html\n<b>", "IPython: %%html"),
    ("%%javascript\nalert(1)", "IPython: %%javascript"),
    ("%alias a b", "IPython: %alias a b"),
    ("%debug", "IPython: %debug"),
    (",f a b", "IPython: ,f a b"),
    ("ip = get_ipython()", "IPython: get_ipython()"),
    ("get_ipython().run_line_magic('time', 'f()')", "IPython: %time f()"),
    ("get_ipython().run_cell('x = 1')", "IPython: get_ipython().run_cell"),
]
LINES = [
    ("!ls -la", "shell: ls -la"),
    ("!!ls", "shell: ls"),
    ("x = !ls *.csv", "shell: ls *.csv"),
    ("x = %sx ls", "shell: ls"),
    ("%ls > x", "shell: ls > x"),
    ("%pip list", "shell: pip list"),
    ("%%bash\nls\nrm x", "shell: ls; rm x"),
    ("%%script bash\nls", "shell: bash; ls"),
    ("%%python3\nimport os", "shell: import os"),
    ("if True:\n    !ls", "shell: ls"),
    ("get_ipython().system('ls')", "shell: ls"),
    ("get_ipython().run_cell_magic('bash', '', 'ls')", "shell: ls"),
    ("%%writefile foo.py\nimport os", "writes foo.py"),
    ("%rm x", "deletes x"),
    ("rm -rf x", "deletes x"),
    ("%cp a b", "writes b"),
    ("%save out.py 1-3", "writes out.py"),
    ("%store df", "writes IPython's database: %store df"),
    ("%run foo.py", "cannot be read: %run foo.py"),
    ("%load_ext sql", "cannot be read: %load_ext sql"),
    ("%timeit -n1 -r1 os.remove('x')", "deletes x"),
    ("%%timeit -n 1 x = 1\nos.remove('x')", "deletes x"),
    ("%%time\nexit()", "ends the kernel: exit"),
]
UNREADABLE = [
    ('exec("import os")', "cannot be read: exec"),
    ("eval(s)", "cannot be read: eval"),
    ("e = eval", "cannot be read: eval"),
    ("compile(s, '', 'exec')", "cannot be read: compile"),
    ("__import__(name)", "cannot be read: __import__"),
    ("importlib.import_module(name)", "cannot be read: importlib.import_module"),
    ("importlib.reload(module)", "cannot be read: importlib.reload"),
    ("globals()['df'] = 1", "cannot be read: globals"),
    ("locals()", "cannot be read: locals"),
    ("vars()", "cannot be read: vars"),
    ("getattr(os, name)('ls')", "cannot be read: getattr(os, name)"),
    ("getattr(model, method)()", "cannot be read: getattr(model, method)"),
    ("getattr(df, 'to_' + kind)('x')", "cannot be read: getattr(df, 'to_' + kind)"),
    ("__builtins__['open']('x', 'w')", "cannot be read: __builtins__"),
    ("().__class__.__base__", "cannot be read: __base__"),
    ("object.__subclasses__()", "cannot be read: __subclasses__"),
    ("f.__globals__['os']", "cannot be read: __globals__"),
    ("os.__dict__['system']('ls')", "cannot be read: __dict__"),
    ("sys.modules['os'].system('ls')", "cannot be read: sys.modules"),
    ("pickle.load(open('x', 'rb'))", "cannot be read: pickle.load"),
    ("pd.read_pickle('x')", "cannot be read: pandas.read_pickle"),
    ("joblib.load('x')", "cannot be read: joblib.load"),
    ("torch.load('x')", "cannot be read: torch.load"),
    ("np.load('x', allow_pickle=True)", "cannot be read: numpy.load"),
    ("yaml.load(f)", "cannot be read: yaml.load"),
    ("ctypes.CDLL('x')", "cannot be read: ctypes.CDLL"),
    ("runpy.run_path('x.py')", "cannot be read: runpy.run_path"),
    ("breakpoint()", "cannot be read: breakpoint"),
    ("df.query(\"@os.system('x')\")", "cannot be read: query(@os.system('x'))"),
    ("conn.execute(sql)", "cannot be read: conn.execute(sql)"),
    ("torch.load('x', weights_only=flag)", "cannot be read: torch.load"),
    ("torch.load('x', weights_only=True); load = torch.load", "cannot be read: torch.load"),
    ("import subprocess as worker", "cannot be read: subprocess under the name worker"),
    ("from os import *", "cannot be read: from os import *"),
]
HARMLESS = [
    "import pandas as pd",
    "import numpy as np, os, sys",
    "import subprocess",
    "import os.path",
    "import matplotlib.pyplot as plt",
    "from pathlib import Path",
    "from datetime import datetime",
    "from collections import Counter, defaultdict",
    "print(df.head())",
    "df.describe()",
    "df.groupby('a').agg({'b': 'sum'}).reset_index().to_dict('records')",
    "result = df.merge(other, on='k').loc[lambda d: d.a > 1]",
    "df2 = df.assign(y=lambda d: d.a * 2); df2['z'] = 3; df2.drop(columns='z', inplace=True)",
    "sub = df[df.a > 1]; sub['y'] = 1",
    "tmp = df; tmp = tmp.dropna(); tmp['x'] = 1",
    "def clean(df):\n    df = df.copy()\n    df['a'] = 1\n    return df\nresult = clean(df)",
    "def f():\n    df = pd.DataFrame()\n    df['x'] = 1\n    total = 3\n    return df",
    "for name, group in df.groupby('a'): group['x'] = 1",
    "for i, row in df.iterrows(): row['x'] = 1",
    "records = [dict(row) for row in rows]; records[0]['x'] = 1",
    "copy_ = {**rows[0], 'x': 1}; copy_['y'] = 2",
    "frames = {'a': df}; frames['b'] = 1",
    "[total for total in range(3)]",
    "{df: total for df, total in pairs}",
    "lambda df: df.a",
    "df.pivot_table(index='a', values='b', aggfunc='mean')",
    "df.to_csv(); df.to_csv(None); df.to_csv(index=False); df.to_csv(path_or_buf=None)",
    "df.to_csv(sys.stdout)",
    "df.to_json(orient='records'); df.to_html(classes='x'); df.to_markdown(index=False); df.to_string()",
    "df.to_dict(); df.to_numpy(); s.to_frame('a'); s.to_list(); df.to_records()",
    "pd.to_datetime('2020-01-01'); pd.to_numeric(s, errors='coerce')",
    "df.query('a > @limit and b < 3'); df.eval('a + b')",
    "df.rename(columns={'a': 'b'}); df.replace({1: 2}); s.rename('n'); df.drop(columns='a')",
    "df.sort_values('a', inplace=False)",
    "pd.read_csv('data.csv'); pd.read_excel(path); pd.read_parquet(Path('d') / 'x.parquet')",
    "pd.read_csv(io.StringIO('a,b'))",
    "pd.read_sql('SELECT * FROM t', con); con.execute('SELECT 1')",
    "cur.execute(f'SELECT * FROM {table}')",
    "pd.set_option('display.max_rows', 10); pd.options.display.max_rows = 10",
    "np.mean(a); np.linalg.norm(v); np.random.seed(0); rng = np.random.default_rng()",
    "np.load('x.npy'); np.loadtxt('x.txt'); np.where(a > 1, a, 0)",
    "a = np.zeros(3); a[0] = 1; a.sort()",
    "[getattr(np, f)(a) for f in ['mean', 'std']]",
    "getattr(row, 'name'); getattr(row, column)",
    "fig, ax = plt.subplots()\nax.plot(x, y)\nax.set_title('t')\nfig.tight_layout()\nplt.show()",
    "plt.rcParams['figure.figsize'] = (3, 4); plt.rcParams.update({'a': 1})",
    "df.plot(); df.hist(); sns.heatmap(df.corr()); plt.close('all')",
    "buf = io.BytesIO(); fig.savefig(buf); img.save(buf, 'PNG')",
    "fig.show(); fig.to_html(); fig.to_image('png')",
    "items = []; items.append(1); items.remove(1); items.pop(); items.sort()",
    "rows.append({'a': 1}); rows.remove(x); rows.sort(key=lambda r: r['a'])",
    "seen = set(); seen.add(1); seen.discard(1); seen.remove(2)",
    "d = {}; d.setdefault('a', []).append(1); d.update(b=2); d.pop('a')",
    "os.path.join('a', 'b'); os.path.exists('a'); os.listdir('.'); os.getcwd(); os.walk('.')",
    "os.sep.join(parts); os.cpu_count(); os.stat('x').st_size",
    "p = Path('d'); list(p.glob('*.csv')); p.exists(); p.read_text(); p.with_suffix('.x'); p.parent / 'y'",
    "Path('x').open(); Path('x').open('rb'); open('x').read(); open('x', 'rt', encoding='utf-8')",
    "mode = 'r'\nwith open('x', mode) as f:\n    print(f.read())",
    "with zipfile.ZipFile('a.zip') as z: z.namelist()",
    "tarfile.open('x.tgz', 'r:*'); gzip.open('x.gz', 'rt'); h5py.File('x.h5', 'r')",
    "sqlite3.connect(':memory:')",
    "'a-b'.replace('-', '+'); date.replace(year=3); text.split(','); ' '.join(words)",
    "json.loads('{}'); json.dumps({}); json.load(open('x.json'))",
    "json.dump(d, sys.stdout); yaml.safe_load(f); yaml.load(f, Loader=yaml.SafeLoader)",
    "pickle.dumps(x); copy.deepcopy(df); ast.literal_eval('1')",
    "torch.load('x', weights_only=True)",
    "re.sub('a', 'b', text); pattern = re.compile('x'); model.compile(); model.eval()",
    "model.fit(X, y); model.predict(X); model.score(X, y)",
    "from sklearn.model_selection import train_test_split\nX_train, X_test = train_test_split(df)",
    "datetime.now().replace(hour=3); time.time(); time.sleep(0.1)",
    "math.pi; random.choice(items); statistics.mean(a); itertools.chain(a, b)",
    "sys.version; sys.getsizeof(df); sys.path; 'torch' in sys.modules",
    "'df' in globals(); 'df' not in locals(); 'HOME' in os.environ",
    "platform.system(); shutil.which('git'); multiprocessing.cpu_count()",
    "threading.Thread(target=print).start()",
    "with ThreadPoolExecutor() as pool: list(pool.map(f, items))",
    "urllib.parse.quote('a b'); url.split('/'); df['url'].str.contains('https://')",
    "urls = ['https://a']; print(urls); len(urls); urlparse('https://a')",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)",
    "try:\n    f()\nexcept (SystemExit, ValueError):\n    pass",
    "try:\n    f()\nexcept (requests.exceptions.HTTPError, subprocess.CalledProcessError):\n    pass",
    "match rows:\n    case [first, *rest]: print(first)",
    "class Report:\n    def save(self): return self.n\n    def go(self): super().__init__(); self.save()",
    "async def main(): return 1\nawait main()",
    "assert len(df) > 3, 'short'; x = 5 % 3; x %= 2; y = not x != 1",
    "print('!ls', \"os.system('x')\", '%run x')  # !ls",
    'text = """\n!ls\n%run x\n%%bash\n"""',
    "%matplotlib inline",
    "%config InlineBackend.figure_format = 'retina'",
    "%time df.sum()",
    "%timeit -n 10 np.mean(a)",
    "%%time\ndf.sum()",
    "%%capture out\nprint(1)",
    "%who",
    "%ls -la",
    "ls -la",
    "df?",
    "?df.head",
    "df.head??",
    "get_ipython().run_line_magic('matplotlib', 'inline')",
    "signal.mean(); tables['a'] = 3",
    "time / 3",
    "run(3)",
    "σ_x = 1; Δt = 2; naïve = 3; 数据 = 4; x_μ = 2; сумма = 3",
    "print('👩‍💻 ✔️ Привет с вами, می‌خواهم')",
    "display(df); _ = df.shape",
]
PYTHON = [*WRITES, *DELETES, *PROCESSES, *NETWORK, *EXITS, *ENVIRONMENT, *UNREADABLE]
RISKY = [*PYTHON, *INSTALLS, *REBINDS, *MAGICS, *LINES]


def badges_of(code: str, names: frozenset[str] = NAMES) -> tuple[str, ...]:
    return tuple(str(finding) for finding in scan(code, names))


def kinds(code: str) -> set[str]:
    return {finding.kind for finding in scan(code)}


@pytest.mark.parametrize("case", RISKY, ids=lambda case: case[0])
def test_an_action_has_a_badge_for_each_effect(case: tuple[str, ...]) -> None:
    code, *badges = case
    assert badges_of(code) == tuple(badges)


@pytest.mark.parametrize("code", HARMLESS)
def test_harmless_code_has_no_badges(code: str) -> None:
    assert badges_of(code) == ()


@pytest.mark.parametrize("case", [case for case in PYTHON if case[0][0] not in "!%" and case[0] != "cd .."])
@pytest.mark.parametrize("opening", ["def later():", "class Later:", "while True:", "try:"])
def test_code_within_a_block_has_the_same_badges(case: tuple[str, ...], opening: str) -> None:
    code, *badges = case
    end = "\nfinally:\n    pass" if opening == "try:" else ""
    assert badges_of(f"{opening}\n{textwrap.indent(code, '    ')}{end}") == tuple(badges)


@pytest.mark.parametrize("case", [*WRITES, *DELETES, *NETWORK, *REBINDS], ids=lambda case: case[0])
def test_harmless_code_around_an_effect_does_not_hide_it(case: tuple[str, ...]) -> None:
    code, *badges = case
    if code[0] != "%" and code != "reset -f":  # these two have another meaning within a cell
        code = f"import numpy as np\nshown = np.mean([1])\n{code}\nprint(shown)"
    assert set(badges_of(code)) >= set(badges)


def test_a_finding_has_a_kind_and_a_line() -> None:
    findings = scan("import os\n\nx = 1\nos.remove('old.csv')\n!ls\ndf = 2", {"df"})
    assert findings == (
        Finding("deletes", "old.csv", 4),
        Finding("shell", "ls", 5),
        Finding("overwrites name", "your df", 6),
    )


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("\n\n%%time\n\nexit()", 5),
        ("%%capture\n%%time\nexit()", 3),
        ("!ls \\\n  -la\nexit()", 3),
        ("x = '''\n!ls\n'''\nexit()", 4),
        ("x = 1\r\nexit()\r\n", 2),
        ("  x = 1\n  exit()", 2),
    ],
)
def test_the_line_is_the_one_of_the_code_that_the_user_sees(code: str, line: int) -> None:
    assert Finding("exit", "exit", line) in scan(code)


def test_each_badge_appears_once_in_the_order_of_the_lines() -> None:
    assert badges_of("for p in x:\n    exit()\nopen('a', 'w')\nopen('a', 'w')\nexit()") == (
        "ends the kernel: exit",
        "writes a",
    )


def test_an_import_and_a_call_of_the_same_function_are_one_finding() -> None:
    assert badges_of("from os import remove\nremove('x')\nmap(remove, y)") == ("deletes x",)


def test_only_the_given_names_are_the_users() -> None:
    assert badges_of("df = 1\nrows['a'] = 2", frozenset()) == ()


def test_a_call_of_the_users_own_function_is_not_a_finding() -> None:
    assert badges_of("save_report(df)", frozenset({"df", "save_report"})) == ()
    assert badges_of("save_report('x')", frozenset()) == ("writes x",)


def test_importing_again_a_module_that_the_user_imported_rebinds_nothing() -> None:
    names = frozenset({"pd", "np", "plt", "os", "datetime", "json"})
    code = "import pandas as pd, numpy as np, os, json\nimport matplotlib.pyplot as plt\nfrom datetime import datetime"
    assert badges_of(code, names) == ()


def test_a_variable_of_the_user_named_like_a_module_is_still_the_users() -> None:
    assert badges_of("tables['a'] = 1\nsignal.mean()", frozenset({"tables", "signal"})) == ("changes your tables",)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "x = (",
        "print('a",
        "```python\nx = 1\n```",
        "if not ok: !pip install x",
        ">>> x = 1",
        "x = 1\0",
        "x = '\ud800'",
        "(" * 5000,
        "-" * 50_000 + "1",
        "x" + ".a()" * 20_000,
        "x;" * 60_000,
        "\n".join(f"x = np.f{number}" for number in range(500)),
        "\n".join(f"a{number} = a{number + 1}" for number in range(100)),
        "x = [\n%who\n]",
    ],
    ids=lambda code: code[:20],
)
def test_code_that_cannot_be_read_is_a_finding(code: str) -> None:
    assert "unreadable" in kinds(code)


def test_an_error_in_the_scan_itself_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeact_magic.risk.Rules.apply", lambda self: 1 / 0)
    assert badges_of("x = 1") == ("cannot be read: division by zero",)


@given(st.text())
def test_no_text_makes_the_scan_raise(text: str) -> None:
    for finding in scan(text, NAMES):
        assert str(finding).isprintable()
        assert len(str(finding)) < 1000


FRAGMENTS = [*(code for code, *_ in RISKY), *HARMLESS]
PARTS = [
    "(",
    ")",
    "\\",
    '"""',
    "'",
    "if x:",
    "    y",
    "\t",
    "%",
    "!",
    "?",
    "=",
    "{",
    "}",
    "f'",
    "%%time",
    "x =",
    "@",
    ":",
]
JOINTS = ["\n", "\n    ", ";", ""]


@given(st.lists(st.sampled_from(FRAGMENTS + PARTS), max_size=6), st.sampled_from(JOINTS))
@settings(max_examples=300, deadline=None)
def test_the_rules_raise_nothing_on_any_mixture_of_code(parts: list[str], joint: str) -> None:
    try:
        tree, _ = parse(joint.join(parts), is_magic)
    except SyntaxError:
        return
    Rules(Program(tree, NAMES), ScanReport()).apply()  # `scan` would turn an exception into a finding
