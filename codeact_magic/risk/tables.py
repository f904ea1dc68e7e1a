"""Tables of library modules, functions and methods, by the kind of their effect; and of harmless ones.

A listed module stands for all its contents, except those in `HARMLESS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from .findings import Kind


def kinds(**lines: str) -> Mapping[str, Kind]:
    """Return {word: kind} for kind="word word ..."."""
    return {word: cast(Kind, kind) for kind, line in lines.items() for word in line.split()}


def words(line: str) -> frozenset[str]:
    """Return the words of `line`."""
    return frozenset(line.split())


MODULES = kinds(
    writes="""
        shutil tempfile dbm lmdb py_compile compileall venv zipapp distutils setuptools test turtle logging.config
        pyarrow.fs pandas.io.common""",
    process="""
        subprocess multiprocessing multiprocess billiard pty pexpect asyncio.subprocess docker plumbum ray
        dask.distributed concurrent.futures.process pyautogui pynput pdfkit sh
        jupyter_client""",
    network="""
        requests httpx aiohttp urllib3 urllib.request http.client http.server ftplib smtplib imaplib poplib nntplib
        telnetlib socket socketserver ssl xmlrpc websocket websockets paramiko boto3 botocore aioboto3 s3fs gcsfs adlfs
        google.cloud google.generativeai google.genai googleapiclient pymongo redis psycopg2 psycopg pymysql MySQLdb
        mysql asyncpg snowflake pika kafka zmq grpc yfinance wget gdown kaggle kagglehub huggingface_hub openai
        anthropic ollama litellm feedparser selenium playwright tweepy praw wikipedia gspread pandas_datareader fredapi
        webbrowser mechanize mlflow wandb uvicorn pycurl requests_html cloudscraper elasticsearch influxdb slack_sdk
        twilio geopy osmnx tensorflow.keras.datasets keras.datasets torchvision.datasets
        skimage.data scipy.datasets torch.hub asyncio.streams cassandra pysftp fabric""",
    installs="pip ensurepip micropip piplite",
    environment="""
        dotenv winreg keyring unittest.mock readline sys.monitoring copyreg faulthandler sitecustomize site
        pandas.api.extensions termios tty fcntl""",
    magic="IPython ipykernel traitlets.config comm",
    approval="codeact_magic",
    later="sched",
    unreadable="os ctypes cffi codeop runpy imp zipimport dill cloudpickle bdb pdb trace",
    **{"reads environment": "netrc getpass google.colab.userdata"},
)

# Objects for which any use is an effect.
OBJECTS = kinds(environment="os.environ os.environb", unreadable="sys.modules sys.meta_path sys.path_hooks")

FUNCTIONS = kinds(
    writes="""
        os.open os.fdopen os.mkdir os.makedirs os.rename os.renames os.replace os.symlink os.link os.chmod os.lchmod
        os.chown os.lchown os.truncate os.ftruncate os.utime os.mkfifo os.mknod os.write os.pwrite os.sendfile
        os.setxattr os.removexattr os.chflags
        pathlib.Path.rename pathlib.Path.replace zipfile.ZipFile.extract tarfile.open.extract tarfile.TarFile.extract
        numpy.save numpy.savez numpy.savez_compressed numpy.savetxt torch.save scipy.io.savemat scipy.io.wavfile.write
        soundfile.write imageio.imsave imageio.mimsave nbformat.write tensorflow.saved_model.save mmap.mmap
        torch.utils.tensorboard.SummaryWriter xlsxwriter.Workbook reportlab.pdfgen.canvas.Canvas logging.FileHandler
        logging.handlers.RotatingFileHandler logging.handlers.TimedRotatingFileHandler cv2.VideoWriter
        pandas.ExcelWriter pyarrow.OSFile pyarrow.parquet.ParquetWriter matplotlib.backends.backend_pdf.PdfPages
        joblib.Memory keras.callbacks.ModelCheckpoint tensorflow.keras.callbacks.ModelCheckpoint shelve.open""",
    deletes="os.remove os.unlink os.rmdir os.removedirs shutil.rmtree send2trash.send2trash",
    process="""
        os.system os.popen os.startfile os.fork os.forkpty os.kill os.killpg os.execl os.execle os.execlp os.execlpe
        os.execv os.execve os.execvp os.execvpe os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve
        os.spawnvp os.spawnvpe os.posix_spawn os.posix_spawnp os.wait os.waitpid os.nice os.setsid
        signal.signal signal.alarm signal.setitimer signal.pthread_kill signal.raise_signal signal.pause
        asyncio.create_subprocess_exec asyncio.create_subprocess_shell concurrent.futures.ProcessPoolExecutor
        joblib.Parallel psutil.Popen git.Repo sh.Command pyspark.sql.SparkSession""",
    network="""
        asyncio.open_connection asyncio.start_server asyncio.open_unix_connection torch.hub.load
        tensorflow.keras.utils.get_file keras.utils.get_file tensorflow_datasets.load tensorflow_hub.load
        sqlalchemy.create_engine pandas.read_gbq gensim.downloader.load transformers.pipeline
        sentence_transformers.SentenceTransformer seaborn.get_dataset_names
        logging.handlers.SocketHandler logging.handlers.DatagramHandler logging.handlers.SysLogHandler
        logging.handlers.SMTPHandler logging.handlers.HTTPHandler pyarrow.fs.S3FileSystem pyarrow.fs.GcsFileSystem
        pyarrow.fs.HadoopFileSystem fsspec.filesystem dask.distributed.Client""",
    exit="""
        faulthandler._sigsegv faulthandler._sigabrt faulthandler._sigfpe faulthandler._stack_overflow
        faulthandler._fatal_error_c_thread faulthandler._read_null builtins.exit builtins.quit builtins.SystemExit sys.exit os._exit os.abort""",
    environment="""
        os.getenv os.getenvb os.putenv os.unsetenv os.chdir os.fchdir os.chroot os.umask os.setuid os.setgid
        sys.settrace sys.setprofile sys.addaudithook sys.setrecursionlimit locale.setlocale resource.setrlimit
        time.tzset threading.settrace threading.setprofile threading.settrace_all_threads
        threading.setprofile_all_threads sys.set_asyncgen_hooks sys.set_coroutine_origin_tracking_depth
        sys.setswitchinterval sys.breakpointhook sys.set_int_max_str_digits gc.callbacks gc.disable gc.freeze
        logging.setLoggerClass logging.setLogRecordFactory logging.disable logging.shutdown codecs.register
        codecs.register_error asyncio.set_event_loop_policy asyncio.set_event_loop importlib.invalidate_caches
        os.register_at_fork os.dup2 os.dup os.close os.closerange builtins.type.__setattr__
        builtins.type.__delattr__ socket.setdefaulttimeout warnings.showwarning linecache.clearcache""",
    later="""
        threading.Timer weakref.finalize atexit.register signal.set_wakeup_fd""",
    page="""
        IPython.display.Javascript IPython.display.display_javascript IPython.core.display.Javascript
        IPython.display.publish_display_data IPython.core.displaypub.publish_display_data""",
    unreadable="""
        builtins.exec builtins.eval builtins.compile builtins.__import__ builtins.globals builtins.locals builtins.vars
        builtins.breakpoint pdb.set_trace pdb.run importlib.import_module importlib.__import__ importlib.reload
        importlib.util.spec_from_file_location importlib.util.module_from_spec importlib.machinery.SourceFileLoader
        pickle.load pickle.loads pickle.Unpickler joblib.load torch.load yaml.load yaml.load_all yaml.unsafe_load
        yaml.full_load pandas.read_pickle jsonpickle.decode marshal.load marshal.loads
        types.FunctionType types.CodeType sys._getframe sys._current_frames inspect.currentframe inspect.stack
        gc.get_objects gc.get_referrers operator.methodcaller timeit.timeit timeit.repeat timeit.Timer cProfile.run
        doctest.run_docstring_examples doctest.testmod doctest.testfile doctest.DocTestRunner
        profile.run code.interact code.InteractiveConsole code.InteractiveInterpreter
        cProfile.runctx profile.runctx pydoc.locate pydoc.resolve pydoc.safeimport pkgutil.resolve_name
        inspect.getmodule inspect.getclosurevars typing.ForwardRef typing._eval_type gc.get_referents
        keras.models.load_model
        tensorflow.keras.models.load_model""",
    magic="IPython.get_ipython IPython.start_ipython IPython.embed",
    **{"reads environment": "os.path.expandvars psutil.Process.environ"},
)

HARMLESS = words("""
    os.path os.listdir os.scandir os.walk os.fwalk os.getcwd os.getcwdb os.stat os.lstat os.fstat os.statvfs os.access
    os.readlink os.sep os.altsep os.linesep os.pathsep os.extsep os.curdir os.pardir os.devnull os.name os.fspath
    os.fsencode os.fsdecode os.cpu_count os.process_cpu_count os.getpid os.getppid os.getlogin os.getuid os.getgid
    os.uname os.times os.urandom os.get_terminal_size os.getloadavg os.PathLike os.DirEntry os.stat_result
    os.terminal_size os.error os.strerror os.isatty os.sched_getaffinity
    shutil.which shutil.disk_usage shutil.get_terminal_size shutil.Error shutil.SameFileError tempfile.gettempdir
    multiprocessing.cpu_count multiprocessing.current_process subprocess.CalledProcessError subprocess.TimeoutExpired
    subprocess.SubprocessError subprocess.PIPE subprocess.DEVNULL subprocess.STDOUT subprocess.CompletedProcess
    requests.exceptions requests.RequestException requests.ConnectionError requests.HTTPError requests.Timeout
    requests.codes httpx.HTTPError httpx.RequestError httpx.HTTPStatusError httpx.TimeoutException aiohttp.ClientError
    urllib3.exceptions urllib3.disable_warnings socket.error socket.timeout socket.gaierror ssl.SSLError
    http.client.HTTPException http.client.responses geopy.distance ctypes.sizeof openai.OpenAIError openai.APIError
    platform.system IPython.display IPython.core.display IPython.core.display_functions IPython.utils.capture
    IPython.lib.pretty IPython.version_info IPython.core.error traitlets.config.Config unittest.mock.Mock
    unittest.mock.MagicMock unittest.mock.AsyncMock unittest.mock.ANY unittest.mock.sentinel unittest.mock.call
    unittest.mock.DEFAULT faulthandler.is_enabled faulthandler.dump_traceback site.getsitepackages site.getusersitepackages
    comm.__version__ getpass.getuser
    pandas.io.common.is_url
    """)

# Modules that act as they are imported.
ON_IMPORT = kinds(process="antigravity", environment="sitecustomize usercustomize")

# The parts of modules that are meant to be set.
SETTINGS = (
    "pandas.options",
    "pandas.plotting",
    "matplotlib.rcParams",
    "matplotlib.pyplot.rcParams",
    "plotly.io",
    "torch.backends",
    "warnings.filters",
)

# Methods that have the same effect on any object, and functions that are often called by their bare name.
METHODS = kinds(
    writes="""
        write_text write_bytes touch mkdir makedirs symlink_to hardlink_to link_to chmod lchmod savefig imsave mimsave
        imwrite tofile extractall copyfile copytree copy2 copyfileobj make_archive unpack_archive save savetxt savez
        savez_compressed savemat saveAsTable to_csv to_excel to_json to_parquet to_feather to_pickle to_hdf to_html
        to_latex to_markdown to_xml to_string to_stata to_orc to_sql to_gbq to_clipboard to_file to_netcdf to_zarr
        to_disk to_delta to_iceberg print_figure print_png print_pdf print_svg print_jpg print_jpeg print_tif print_ps print_eps""",
    deletes="unlink rmdir rmtree removedirs",
    process="""
        popen Popen check_output check_call getoutput getstatusoutput kill terminate send_signal execv execve execvp
        startfile create_subprocess_exec create_subprocess_shell ProcessPoolExecutor""",
    network="""
        urlopen urlretrieve sendmail send_message upload_file upload_fileobj download_file download_fileobj put_object
        get_object delete_object from_pretrained push_to_hub download load_dataset get_rdataset launch create_engine
        download_url_to_file create_connection create_server create_datagram_endpoint""",
    environment="putenv unsetenv setenv chdir load_dotenv",
    later="call_later call_at call_soon call_soon_threadsafe add_signal_handler enterabs",
    unreadable="run_cell run_line_magic run_cell_magic run_code exec_module load_module run_path run_module",
    exit="_exit",
    **{"reads environment": "environ"},
)
PREFIXES: Mapping[str, Kind] = {
    "write_": "writes",
    "save_": "writes",
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
    __globals__ __builtins__ __subclasses__ __bases__ __base__ __mro__ __code__ __closure__ __dict__ __loader__ __spec__
    __getattribute__ __reduce__ __reduce_ex__ __import__ __self__ f_globals f_locals f_builtins f_back
    tb_frame gi_frame cr_frame ag_frame user_ns user_global_ns
    """)
KEPT_NAMES = words("os sys shutil subprocess pathlib Path io socket builtins get_ipython display")

ROOTS = words("os sys subprocess shutil builtins socket importlib threading ctypes tempfile")
SHELLS = words("IPython.core.interactiveshell.InteractiveShell")  # and all that are derived from it
EXITS = words("IPython.core.autocall.ExitAutocall _sitebuiltins.Quitter")
WRAPPERS = words("functools.partial types.MethodType functools.lru_cache functools.cache functools.wraps")
LOOKING = words("builtins.isinstance builtins.help builtins.type builtins.id builtins.callable builtins.print inspect.signature")
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


def touched(dotted: str) -> tuple[Kind, str] | None:
    """Return the kind of effect of using `dotted`, and the name to show; None if no effect is known."""
    parts = dotted.split(".")
    if parts[0] == "os" and parts[-1].isupper():  # a flag
        return None
    for count in range(len(parts), 0, -1):
        prefix = ".".join(parts[:count])
        if prefix in HARMLESS or parts[count - 1] in ("__version__", "__name__", "__doc__", "__file__"):
            return None
        if prefix in OBJECTS:
            return OBJECTS[prefix], prefix
        if count == len(parts) and prefix in FUNCTIONS:
            return FUNCTIONS[prefix], prefix
        if count < len(parts) and prefix in MODULES:
            return MODULES[prefix], ".".join(parts[: count + 2])
    return None


def touches(method: str) -> Kind | None:
    """Return the kind of effect of a method or function with that name, on any object; None if none is known."""
    if method in METHODS:
        return METHODS[method]
    return next((kind for prefix, kind in PREFIXES.items() if method.startswith(prefix)), None)
