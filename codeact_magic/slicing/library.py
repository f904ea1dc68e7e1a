"""Functions and methods that are known by name. One that is not listed may change all its arguments.

A method that is listed wrongly costs a proof: the names it changed come out otherwise, and more is kept.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


EVERYTHING = _set("exec eval compile globals locals vars __import__ get_ipython setattr delattr breakpoint")
# Functions and methods whose result has in it what they were given, or were called on.
PASSING = _set("iter next zip enumerate reversed map filter max min get items values keys setdefault pop view getattr")

# Modules that keep nothing to themselves.
STATELESS = _set("""
     math cmath statistics decimal fractions re string textwrap json csv datetime time calendar zoneinfo collections
    itertools functools operator copy typing dataclasses enum abc hashlib hmac base64 binascii struct unicodedata
    difflib pprint reprlib uuid os pathlib glob fnmatch io platform sys inspect numbers types bisect heapq array
    numpy pandas scipy sklearn statsmodels matplotlib seaborn plotly altair IPython html urllib tabulate PIL polars
    networkx sympy pyarrow geopandas xarray warnings traceback contextlib zipfile gzip
    """) | {""}
# Modules that draw from a generator of random numbers which all code shares, and the module that has it.
RANDOM = {
    "random": "random",
    "numpy.random": "numpy.random",
    "scipy.stats": "numpy.random",
    "sklearn": "numpy.random",
    "torch": "torch",
}
RANDOM_METHODS = _set("sample rvs fit fit_transform fit_predict")
SEEDS = _set("seed manual_seed set_seed set_random_seed")
SETTINGS = _set("""
    set_option reset_option set_printoptions seterr rc rcdefaults rc_file use style switch_backend set_theme
    set_style set_palette set_context set filterwarnings simplefilter resetwarnings setlocale basicConfig
    set_loglevel setrecursionlimit set_matplotlib_formats set_grad_enabled set_num_threads
    register_matplotlib_converters set_default_dtype set_default_device getcontext setcontext
    """)
# Functions of modules that change what they are given.
CHANGING = _set("""
    shuffle insort insort_left insort_right heappush heappop heapify heapreplace heappushpop copyto put place
    putmask fill_diagonal put_along_axis dump setitem delitem iadd iconcat isub imul itruediv ifloordiv imod ipow
    imatmul iand ior ixor
    """)
# Methods that are known to change what they are called on, even if they are only handed on.
CHANGING_METHODS = _set("""
    append appendleft extend extendleft insert add update setdefault pop popitem clear remove discard sort reverse
    """)
# Methods that change nothing, whatever they are called on.
LOOKING = _set("""
    sum mean median std var min max prod count nunique unique describe value_counts corr cov quantile mode idxmin
    idxmax argmin argmax argsort cumsum cumprod cumcount cummax cummin all any info memory_usage isna isnull notna
    notnull duplicated isin between equals size skew kurt sem mad score predict predict_proba transform
    decision_function format upper lower title capitalize casefold swapcase strip lstrip rstrip split rsplit
    splitlines partition rpartition join replace startswith endswith find rfind index rindex encode decode isdigit
    isdecimal isnumeric isalpha isalnum isspace isupper islower isidentifier zfill ljust rjust center expandtabs
    removeprefix removesuffix translate read_text read_bytes exists is_file is_dir stat as_posix is_absolute
    total_seconds strftime strptime isoformat timestamp date time weekday isoweekday toordinal bit_length to_string
    to_markdown to_html to_latex match search fullmatch findall sub subn dumps issubset issuperset isdisjoint
    hexdigest digest now today utcnow fromisoformat get items keys values copy most_common elements head tail
    sort_values sort_index groupby agg aggregate apply applymap map pipe query filter merge assign drop dropna
    drop_duplicates fillna ffill bfill interpolate astype reset_index set_index reindex rename rename_axis melt
    pivot pivot_table stack unstack explode rolling expanding ewm resample shift diff pct_change rank nlargest
    nsmallest clip round abs where mask to_list tolist to_dict to_numpy to_records to_frame to_series to_period
    to_timestamp dot mul div truediv floordiv mod combine_first compare select_dtypes cut qcut get_group iterrows
    itertuples transpose reshape ravel flatten squeeze view swapaxes take union intersection difference
    symmetric_difference conj trace nonzero to_csv to_excel to_json to_parquet to_feather to_pickle to_hdf to_xml
    to_sql to_clipboard joinpath with_name with_suffix with_stem resolve absolute expanduser relative_to glob rglob
    iterdir group groups groupdict plot hist boxplot area pie set_precision format_index background_gradient bar
    write_text write_bytes unlink mkdir rmdir touch __len__ __contains__ __getitem__ get_params xs at_time
    tz_localize tz_convert normalize floor ceil strip_accents get_feature_names_out
    """)
# IPython's magics that may use or bind any name, and those that change settings.
EVERY_NAME = _set("run rerun load loadpy store macro reset reset_selective xdel pylab debug recall rep")
SETTING_MAGICS = _set("matplotlib config load_ext precision autoreload")
# Shell commands that only look.
LOOKING_COMMANDS = _set(
    "ls dir pwd head tail cat wc file du df free nproc uname date whoami which type nl stat tree grep find less"
)


def generator(dotted: str, method: str) -> str:
    """Return the module whose generator of random numbers a call may draw from, "" if it draws from none."""
    found = max((prefix for prefix in RANDOM if f"{dotted}.".startswith(f"{prefix}.")), key=len, default="")
    if found:
        return RANDOM[found]
    return "numpy.random" if method in RANDOM_METHODS else ""
