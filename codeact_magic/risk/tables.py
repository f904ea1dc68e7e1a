"""Tables of methods and functions that the rules look at more closely, and of what names usually stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .findings import Kind
from .library import FUNCTIONS, HARMLESS, MODULES, OBJECTS, kinds, words

# Methods that have the same effect on any object, and functions that are often called by their bare name.
METHODS = kinds(
    writes="""
        write_text write_bytes touch mkdir makedirs symlink_to hardlink_to link_to chmod lchmod savefig imsave mimsave
        imwrite tofile extractall copyfile copytree copy2 copyfileobj make_archive unpack_archive save savetxt savez
        savez_compressed savemat saveAsTable to_csv to_excel to_json to_parquet to_feather to_pickle to_hdf to_html
        to_latex to_markdown to_xml to_string to_stata to_orc to_sql to_gbq to_clipboard to_file to_netcdf to_zarr
        to_disk to_delta to_iceberg print_figure print_png print_pdf print_svg print_jpg print_jpeg
        print_tif print_ps print_eps""",
    deletes="unlink rmdir rmtree removedirs",
    process="""
        popen Popen check_output check_call getoutput getstatusoutput kill terminate send_signal execv execve execvp
        startfile create_subprocess_exec create_subprocess_shell ProcessPoolExecutor""",
    network="""
        urlopen urlretrieve sendmail send_message upload_file upload_fileobj download_file download_fileobj put_object
        get_object delete_object from_pretrained push_to_hub download load_dataset get_rdataset launch create_engine
        download_url_to_file create_connection create_server create_datagram_endpoint""",
    environment="putenv unsetenv setenv chdir load_dotenv",
    later="call_later call_at call_soon call_soon_threadsafe add_signal_handler add_reader add_writer enterabs",
    unreadable="run_cell run_line_magic run_cell_magic run_code exec_module load_module run_path run_module",
    exit="_exit",
    **{"reads environment": "environ"},
)
PREFIXES: Mapping[str, Kind] = {
    "write_": "writes",
    "save_": "writes",
    "dump_": "writes",
    "sink_": "writes",
    "fetch_": "network",
    "download_": "network",
    "upload_": "network",
}

# Methods that write only if they get a target.
NEED_TARGET = words("""
    save to_csv to_json to_parquet to_orc to_html to_latex to_markdown to_xml to_string to_netcdf to_delta
    write_html write_image write_json write_csv write_parquet write_ipc write_ndjson write_avro save_for_backward
    """)
# Functions that write into a file; it may have been reported as it was opened.
DUMPS = frozenset(
    f"{module}.{function}"
    for module in words(
        "json pickle yaml dill cloudpickle joblib marshal plistlib toml tomli_w tomlkit ujson simplejson"
    )
    for function in ("dump", "safe_dump", "dump_all", "safe_dump_all")
)
# Functions whose target is not the first argument, but the method's object or the second argument.
ON_RECEIVER = words("write_text write_bytes touch mkdir symlink_to hardlink_to link_to chmod lchmod unlink rmdir")
ON_SECOND = DUMPS | words("""
    shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move shutil.copymode shutil.copystat
    shutil.unpack_archive shutil.copyfileobj os.rename os.renames os.replace os.symlink os.link
    torch.save nbformat.write copyfile copytree copy2 copyfileobj write_table
    """)
TARGETS = (
    "path_or_buf path path_or_buffer path_or_stream excel_writer buf fname filename file fp f file_path filepath out "
    "dst target where name uri stream"
).split()

# Functions that open a file: (the position of the mode, the default mode).
OPENERS: Mapping[str, tuple[int, str]] = {
    **dict.fromkeys(
        words("""
            builtins.open codecs.open gzip.open gzip.GzipFile bz2.open bz2.BZ2File lzma.open lzma.LZMAFile tarfile.open
            tarfile.TarFile zipfile.ZipFile zipfile.ZipFile.open wave.open fsspec.open aiofiles.open h5py.File
            netCDF4.Dataset tables.open_file rasterio.open
            """),
        (1, "r"),
    ),
    **dict.fromkeys(words("pandas.HDFStore zarr.open zarr.open_group"), (1, "a")),
    "numpy.memmap": (2, "r+"),
    "numpy.lib.format.open_memmap": (1, "r+"),
    "pathlib.Path.open": (0, "r"),
}
MODES = ("mode", "flag", "filemode")
WRITE_MODES = re.compile(r"[rbt]*[wax+][waxbt+]*")
READS = re.compile(r"(?:[rbtU]+|readonly)(?:[:|].*)?")
DATABASES = words("sqlite3.connect duckdb.connect apsw.Connection aiosqlite.connect")
SERIALISERS = words("torch.load yaml.load yaml.load_all")

# If its name begins with one of these, a function that gets a web address fetches it.
FETCHES = re.compile(
    r"(?:read|scan|load|open|fetch|download|urlopen|urlretrieve|get|post|put|patch|delete|head|request|connect|imread"
    r"|genfromtxt|loadtxt|retrieve|clone|create_engine|from_url|sql|execute)(?:_|\Z)|(?:parse|IFrame|Image|Video|Audio|SVG|GeoJSON)\Z"
)
# If its name begins with one of these, a function that gets a literal file name writes that file.
WRITES = re.compile(r"(?:to|write|save|export|dump|store|create|copy|move|output|show)(?:_|\Z)")
FILE_NAME = re.compile(r"[^\s:*?\"<>|]{1,200}\.[A-Za-z]\w{0,7}")
READING_SQL = re.compile(r"\s*\(*\s*(?:select|with|show|describe|desc|explain|values|pragma)\b", re.IGNORECASE)
WRITING_SQL = re.compile(
    r"\b(?:insert|update|delete|drop|create|alter|truncate|merge|attach|vacuum|copy|grant|export|install)\s",
    re.IGNORECASE,
)

# Results of calls that are followed. A handle was reported as it was opened, or is in memory.
PATHS = words("pathlib.Path pathlib.PosixPath pathlib.WindowsPath")
PATH_METHODS = words("""
    joinpath with_name with_suffix with_stem resolve absolute expanduser relative_to glob rglob iterdir
    home cwd readlink
    """)
HANDLES = frozenset(OPENERS) | words("io.BytesIO io.StringIO pandas.ExcelWriter sys.stdout sys.stderr")
FOLLOWED = HANDLES | {"IPython.get_ipython"}
JOINS = words("join urljoin str format Request quote text URL")
PASSED_ON = words("enumerate zip list tuple sorted reversed iter next set dict filter cycle chain")
VIEWS = words("items values keys get pop popitem setdefault")
CHANGES = words("update setdefault pop popitem clear append insert extend remove sort reverse add discard")
FETCH_WORDS = words("download pretrained")  # keywords that ask a function to download
RUN_WORDS = words("shell capture_output stdout stderr")  # keywords of functions that run a process

# What IPython keeps for the user, beside the user's own names.
SHELL_NAMES = words("In Out _ih _oh _dh")

# Ways into the interpreter, from which everything can be reached.
INNARDS = words("""
    __globals__ __builtins__ __subclasses__ __bases__ __base__ __mro__ __code__ __closure__ __dict__ __loader__
    __spec__ __getattribute__ __reduce__ __reduce_ex__ __import__ __self__ f_globals f_locals f_builtins f_back
    tb_frame gi_frame cr_frame ag_frame user_ns user_global_ns
    """)
KEPT_NAMES = words("os sys shutil subprocess pathlib Path io socket builtins get_ipython display")

ROOTS = words("os sys subprocess shutil builtins socket importlib threading ctypes tempfile")
SHELLS = words("IPython.core.interactiveshell.InteractiveShell")  # and all that are derived from it
EXITS = words("IPython.core.autocall.ExitAutocall _sitebuiltins.Quitter")
WRAPPERS = words("functools.partial types.MethodType functools.lru_cache functools.cache functools.wraps")
LOOKING = words(
    "builtins.isinstance builtins.help builtins.type builtins.id builtins.callable builtins.print inspect.signature"
)
APPLYING = words("builtins.map builtins.filter functools.reduce itertools.starmap itertools.accumulate")

RENAMED = {
    "posix": "os",
    "nt": "os",
    "io.open": "builtins.open",
    "_io.open": "builtins.open",
    "io.FileIO": "builtins.open",
    "_io.FileIO": "builtins.open",
    "pathlib.PosixPath": "pathlib.Path",
    "pathlib.WindowsPath": "pathlib.Path",
    "pandas.io.excel.ExcelWriter": "pandas.ExcelWriter",
    "pandas.io.pytables.HDFStore": "pandas.HDFStore",
    "cPickle": "pickle",
    "_pickle": "pickle",
    "_socket": "socket",
    "_ssl": "ssl",
    "_ctypes": "ctypes",
    "_thread": "threading",
    "_posixsubprocess": "subprocess",
    "_winapi": "subprocess",
    "_io.StringIO": "io.StringIO",
    "_io.BytesIO": "io.BytesIO",
    "pathlib._local.Path": "pathlib.Path",
    "pathlib._local.PosixPath": "pathlib.Path",
    "pathlib._local.WindowsPath": "pathlib.Path",
    "IPython.core.getipython.get_ipython": "IPython.get_ipython",
    "IPython.core.interactiveshell.InteractiveShell.get_ipython": "IPython.get_ipython",
    "__main__.get_ipython": "IPython.get_ipython",
    "xml.etree.cElementTree": "xml.etree.ElementTree",
}

# The usual names of modules. An earlier step may have imported them, if the code does not bind the name itself.
CONVENTIONS = {
    **{
        dotted.split(".")[0]: dotted.split(".")[0]
        for table in (MODULES, FUNCTIONS, OBJECTS, OPENERS, DUMPS, DATABASES, HARMLESS, HANDLES)
        for dotted in table
        if not dotted.startswith("builtins.")
    },
    **dict(
        pair.split("=")
        for pair in """
        np=numpy pd=pandas plt=matplotlib.pyplot mpl=matplotlib mticker=matplotlib.ticker mdates=matplotlib.dates
        sns=seaborn tf=tensorflow nx=networkx px=plotly.express go=plotly.graph_objects pio=plotly.io
        sm=statsmodels.api smf=statsmodels.formula.api pl=polars dt=datetime mp=multiprocessing
        ET=xml.etree.ElementTree jnp=jax.numpy nn=torch.nn F=torch.nn.functional optim=torch.optim gpd=geopandas
        xr=xarray da=dask.array dd=dask.dataframe pa=pyarrow pq=pyarrow.parquet yf=yfinance alt=altair lgb=lightgbm
        xgb=xgboost cb=catboost la=numpy.linalg st=streamlit
        Path=pathlib.Path ZipFile=zipfile.ZipFile BytesIO=io.BytesIO StringIO=io.StringIO
        get_ipython=IPython.get_ipython builtins=builtins functools=functools partial=functools.partial
        fileinput=fileinput itertools=itertools
        """.split()
    ),
}


def touches(method: str) -> Kind | None:
    """Return the kind of effect of a method or function with that name, on any object; None if none is known."""
    if method in METHODS:
        return METHODS[method]
    return next((kind for prefix, kind in PREFIXES.items() if method.startswith(prefix)), None)
