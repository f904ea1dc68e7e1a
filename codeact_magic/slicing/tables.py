"""What is known of functions and methods by name: which change nothing, which give something of their own.

What is not listed may change all that it is given, and give a part of it back.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Built-in functions that change nothing; of these, those whose result shares nothing with what they are given.
FRESH_BUILTINS = _set("""
    abs all any ascii bin bool bytes callable chr complex dir divmod float format hasattr hash help hex id input int
    isinstance issubclass len oct open ord pow print range repr round str sum display
    Exception ValueError TypeError KeyError RuntimeError IndexError AssertionError
    """)
PURE_BUILTINS = FRESH_BUILTINS | _set("""
    bytearray dict enumerate filter frozenset getattr iter list map max memoryview min object reversed set slice sorted
    super tuple type zip property staticmethod classmethod
    """)
IMMUTABLE_BUILTINS = _set("ascii bin bool bytes chr float format hash hex id int len oct ord repr str")
ITERATORS = _set("iter map filter zip enumerate reversed open")
EVERYTHING = _set("exec eval compile globals locals vars __import__ get_ipython setattr delattr breakpoint")

# Modules whose functions keep nothing and change nothing they are given, but for those in `CHANGING`.
STATELESS = _set("""
    math cmath statistics decimal fractions re string textwrap json csv datetime time calendar zoneinfo collections
    itertools functools operator copy typing dataclasses enum abc hashlib hmac base64 binascii struct unicodedata
    difflib pprint reprlib uuid os pathlib glob fnmatch io platform sys inspect numbers types bisect heapq array
    numpy pandas scipy sklearn statsmodels matplotlib seaborn plotly altair IPython html urllib tabulate PIL polars
    networkx sympy pyarrow geopandas xarray warnings traceback contextlib zipfile gzip
    """)
FRESH_MODULES = _set("""
    math cmath statistics decimal fractions re string textwrap json datetime time calendar zoneinfo hashlib hmac base64
    binascii struct unicodedata difflib os glob platform uuid random matplotlib seaborn plotly altair secrets
    """)
FRAMES = _set("numpy pandas")
GENERATORS = _set("default_rng RandomState Generator SeedSequence PCG64 MT19937 Philox get_option read_sql ExcelWriter")
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
    set_option reset_option set_printoptions seterr rc rcdefaults rc_file use style switch_backend set_theme set_style
    set_palette set_context set filterwarnings simplefilter resetwarnings setlocale basicConfig set_loglevel
    setrecursionlimit set_matplotlib_formats set_grad_enabled set_num_threads
    register_matplotlib_converters set_default_dtype set_default_device getcontext setcontext
    """)
CHANGING = _set("""
    shuffle insort insort_left insort_right heappush heappop heapify heapreplace heappushpop copyto put place putmask
    fill_diagonal put_along_axis dump setitem delitem iadd iconcat isub imul itruediv ifloordiv imod ipow imatmul iand
    ior ixor
    """)

# Methods that change nothing, whatever they are called on.
FRESH_METHODS = _set("""
    sum mean median std var min max prod count nunique unique describe value_counts corr cov quantile mode idxmin idxmax
    argmin argmax argsort cumsum cumprod cumcount cummax cummin all any info memory_usage isna isnull notna notnull
    duplicated isin between equals size skew kurt sem mad score predict predict_proba transform decision_function
    format upper lower title capitalize casefold swapcase strip lstrip rstrip split rsplit splitlines partition
    rpartition join replace startswith endswith find rfind index rindex encode decode isdigit isdecimal isnumeric
    isalpha isalnum isspace isupper islower isidentifier zfill ljust rjust center expandtabs removeprefix removesuffix
    translate read_text read_bytes exists is_file is_dir stat as_posix is_absolute total_seconds strftime strptime
    isoformat
    timestamp date time weekday isoweekday toordinal bit_length to_string to_markdown to_html to_latex
    match search fullmatch findall sub subn dumps issubset issuperset isdisjoint
    hexdigest digest now today utcnow fromisoformat
    """)
STRING_METHODS = _set("""
    format upper lower title capitalize casefold swapcase strip lstrip rstrip join replace startswith endswith find
    rfind index rindex encode decode isdigit isdecimal isnumeric isalpha isalnum isspace isupper islower zfill ljust
    rjust center expandtabs removeprefix removesuffix count strftime isoformat hexdigest
    """)
PURE_METHODS = FRESH_METHODS | _set("""
    get items keys values copy most_common elements head tail sort_values sort_index groupby agg aggregate apply
    applymap map pipe query filter merge join assign drop dropna drop_duplicates fillna ffill bfill interpolate astype
    reset_index set_index reindex rename rename_axis melt pivot pivot_table stack unstack explode rolling expanding ewm
    resample shift diff pct_change rank nlargest nsmallest clip round abs where mask to_list tolist to_dict to_numpy
    to_records to_frame to_series to_period to_timestamp dot sub mul div truediv floordiv mod combine_first compare
    select_dtypes cut qcut get_group iterrows itertuples transpose reshape ravel flatten squeeze view swapaxes take
    union intersection difference symmetric_difference issubset issuperset isdisjoint conj trace nonzero
    to_csv to_excel to_json to_parquet to_feather to_pickle to_hdf to_xml to_sql to_clipboard
    joinpath with_name with_suffix with_stem resolve absolute expanduser relative_to glob rglob iterdir group groups
    groupdict plot hist boxplot area pie set_precision format_index background_gradient bar
    write_text write_bytes unlink mkdir rmdir touch __len__ __contains__ __getitem__ get_params xs at_time tz_localize
    tz_convert normalize floor ceil strip_accents get_feature_names_out
    """)
# Methods that change what they are called on, and keep nothing of what they are given.
KEEPING_NOTHING = _set("""
    pop popitem clear remove discard sort reverse fill put resize partition fit fit_transform fit_predict partial_fit
    write writelines close flush seek read readline readlines
    scatter barh imshow errorbar fill_between axhline axvline axhspan axvspan text annotate legend grid savefig
    colorbar set_title set_xlabel set_ylabel set_xlim set_ylim set_xticks set_yticks set_xticklabels set_yticklabels
    set_xscale set_yscale set_aspect set_axis_off tick_params tight_layout suptitle add_subplot subplots twinx twiny
    step stem stackplot violinplot contour contourf pcolormesh quiver invert_yaxis invert_xaxis margins autofmt_xdate
    bar_label subplots_adjust add_patch add_artist set_facecolor set_size_inches update_layout add_trace update_traces
    """)
# Methods that change what they are called on, and put what they are given into it.
KEEPING = _set("""
    append appendleft extend extendleft insert add update setdefault intersection_update difference_update
    symmetric_difference_update
    """)
DRAWING_METHODS = _set("plot hist boxplot area pie bar")  # of axes; a frame's own do not change the frame
ITERATING_METHODS = _set("iterrows itertuples finditer iterdir glob rglob iglob scandir walk")
AXES = ("ax", "fig", "plt", "g", "axs")  # what names that are drawn upon begin with

# Methods of a DataFrame, Series or array that change it; all others do not, and but for `VIEWS` share nothing with it.
FRAME_CHANGING = _set("""
    insert pop update sort fill put resize partition setflags itemset byteswap setfield __setitem__ __delitem__
    set_flags append extend
    """)
VIEWS = _set("""
    head tail groupby rolling expanding ewm resample values to_numpy view reshape ravel transpose swapaxes squeeze T
    iloc loc at iat items iterrows itertuples pipe real imag flat diagonal array get xs set_flags
    """)
NO_FRAME = _set("tolist to_list to_dict items iterrows itertuples to_records item info")

# Functions of numpy and pandas whose result may share memory with what they are given.
SHARING = _set("""
    asarray asanyarray ascontiguousarray ravel reshape transpose squeeze atleast_1d atleast_2d DataFrame Series Index
    broadcast_to broadcast_arrays swapaxes moveaxis expand_dims frombuffer flip fliplr flipud split array_split hsplit
    vsplit nditer diag diagonal rot90 Categorical real imag
    """)

# Shell commands that only look.
LOOKING = _set(
    "ls dir pwd head tail cat wc file du df free nproc uname date whoami which type nl stat tree grep find less"
)
