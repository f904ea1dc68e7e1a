"""Tables of library modules and functions, by the kind of their effect; and of harmless ones.

A listed module stands for all its contents, except those in `HARMLESS`.
"""

from __future__ import annotations

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
        dask.distributed concurrent.futures.process pyautogui pynput pdfkit sh tkinter
        jupyter_client""",
    network="""
        requests httpx aiohttp urllib3 urllib.request http.client http.server ftplib smtplib imaplib poplib nntplib
        telnetlib socket socketserver ssl xmlrpc websocket websockets paramiko boto3 botocore aioboto3 s3fs gcsfs adlfs
        google.cloud google.generativeai google.genai googleapiclient pymongo redis psycopg2 psycopg pymysql MySQLdb
        mysql asyncpg snowflake pika kafka zmq grpc yfinance wget gdown kaggle kagglehub huggingface_hub openai
        anthropic ollama litellm feedparser selenium playwright tweepy praw wikipedia gspread pandas_datareader fredapi
        webbrowser mechanize mlflow wandb uvicorn pycurl requests_html cloudscraper elasticsearch influxdb slack_sdk
        twilio geopy osmnx tensorflow.keras.datasets keras.datasets torchvision.datasets skimage.data scipy.datasets
        torch.hub asyncio.streams cassandra pysftp fabric""",
    installs="pip ensurepip micropip piplite",
    environment="""
        dotenv winreg keyring unittest.mock readline sys.monitoring copyreg faulthandler sitecustomize site
        pandas.api.extensions termios tty fcntl""",
    magic="IPython ipykernel traitlets.config comm",
    approval="codeact_magic",
    later="sched atexit",
    unreadable="os ctypes cffi codeop runpy imp zipimport dill cloudpickle bdb pdb trace",
    **{"reads environment": "netrc getpass google.colab.userdata"},
)

# Objects for which any use is an effect.
OBJECTS = kinds(environment="os.environ os.environb", unreadable="sys.modules sys.meta_path sys.path_hooks")

FUNCTIONS = kinds(
    writes="""
        os.open os.fdopen os.mkdir os.makedirs os.rename os.renames os.replace os.symlink os.link os.chmod os.lchmod
        os.chown os.lchown os.truncate os.ftruncate os.utime os.mkfifo os.mknod os.write os.pwrite os.sendfile
        os.setxattr os.removexattr os.chflags pathlib.Path.rename pathlib.Path.replace zipfile.ZipFile.extract
        tarfile.open.extract tarfile.TarFile.extract numpy.save numpy.savez numpy.savez_compressed numpy.savetxt
        torch.save scipy.io.savemat scipy.io.wavfile.write soundfile.write imageio.imsave imageio.mimsave
        nbformat.write tensorflow.saved_model.save mmap.mmap torch.utils.tensorboard.SummaryWriter xlsxwriter.Workbook
        reportlab.pdfgen.canvas.Canvas logging.FileHandler logging.handlers.RotatingFileHandler
        logging.handlers.TimedRotatingFileHandler cv2.VideoWriter pandas.ExcelWriter pyarrow.OSFile
        pyarrow.parquet.ParquetWriter matplotlib.backends.backend_pdf.PdfPages joblib.Memory
        keras.callbacks.ModelCheckpoint tensorflow.keras.callbacks.ModelCheckpoint shelve.open""",
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
        IPython.display.YouTubeVideo IPython.display.VimeoVideo IPython.display.ScribdDocument
        logging.handlers.SocketHandler logging.handlers.DatagramHandler logging.handlers.SysLogHandler
        logging.handlers.SMTPHandler logging.handlers.HTTPHandler pyarrow.fs.S3FileSystem pyarrow.fs.GcsFileSystem
        pyarrow.fs.HadoopFileSystem fsspec.filesystem dask.distributed.Client""",
    exit="""
        faulthandler._sigsegv faulthandler._sigabrt faulthandler._sigfpe faulthandler._stack_overflow
        faulthandler._fatal_error_c_thread faulthandler._read_null builtins.exit builtins.quit builtins.SystemExit
        sys.exit os._exit os.abort""",
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
        threading.Timer weakref.finalize threading.interrupt_main threading.start_new_thread signal.set_wakeup_fd""",
    page="""
        IPython.display.Javascript IPython.display.display_javascript IPython.core.display.Javascript
        IPython.display.publish_display_data IPython.core.displaypub.publish_display_data""",
    unreadable="""
        builtins.exec builtins.eval builtins.compile builtins.__import__ builtins.globals builtins.locals builtins.vars
        builtins.breakpoint pdb.set_trace pdb.run importlib.import_module importlib.__import__ importlib.reload
        importlib.util.spec_from_file_location importlib.util.module_from_spec importlib.machinery.SourceFileLoader
        pickle.load pickle.loads pickle.Unpickler joblib.load torch.load yaml.load yaml.load_all yaml.unsafe_load
        yaml.full_load pandas.read_pickle jsonpickle.decode marshal.load marshal.loads types.FunctionType
        types.CodeType sys._getframe sys._current_frames inspect.currentframe inspect.stack gc.get_objects
        gc.get_referrers operator.methodcaller timeit.timeit timeit.repeat timeit.Timer cProfile.run
        doctest.run_docstring_examples doctest.testmod doctest.testfile doctest.DocTestRunner profile.run code.interact
        code.InteractiveConsole code.InteractiveInterpreter cProfile.runctx profile.runctx pydoc.locate pydoc.resolve
        pydoc.safeimport pkgutil.resolve_name inspect.getmodule inspect.getclosurevars typing.ForwardRef
        typing._eval_type gc.get_referents keras.models.load_model tensorflow.keras.models.load_model""",
    magic="IPython.get_ipython IPython.start_ipython IPython.embed",
    **{"reads environment": "os.path.expandvars psutil.Process.environ"},
)

HARMLESS = words("""
    os.path os.listdir os.scandir os.walk os.fwalk os.getcwd os.getcwdb os.stat os.lstat os.fstat os.statvfs os.access
    os.readlink os.sep os.altsep os.linesep os.pathsep os.extsep os.curdir os.pardir os.devnull os.name os.fspath
    os.fsencode os.fsdecode os.cpu_count os.process_cpu_count os.getpid os.getppid os.getlogin os.getuid os.getgid
    os.uname os.times os.urandom os.get_terminal_size os.getloadavg os.PathLike os.DirEntry os.stat_result
    os.terminal_size os.error os.strerror os.isatty os.sched_getaffinity shutil.which shutil.disk_usage
    shutil.get_terminal_size shutil.Error shutil.SameFileError tempfile.gettempdir multiprocessing.cpu_count
    multiprocessing.current_process subprocess.CalledProcessError subprocess.TimeoutExpired subprocess.SubprocessError
    subprocess.PIPE subprocess.DEVNULL subprocess.STDOUT subprocess.CompletedProcess requests.exceptions
    requests.RequestException requests.ConnectionError requests.HTTPError requests.Timeout requests.codes
    httpx.HTTPError httpx.RequestError httpx.HTTPStatusError httpx.TimeoutException aiohttp.ClientError
    urllib3.exceptions urllib3.disable_warnings socket.error socket.timeout socket.gaierror ssl.SSLError
    http.client.HTTPException http.client.responses geopy.distance ctypes.sizeof openai.OpenAIError openai.APIError
    platform.system IPython.display IPython.core.display IPython.core.display_functions IPython.utils.capture
    IPython.lib.pretty IPython.version_info IPython.core.error traitlets.config.Config unittest.mock.Mock
    unittest.mock.MagicMock unittest.mock.AsyncMock unittest.mock.ANY unittest.mock.sentinel unittest.mock.call
    unittest.mock.DEFAULT faulthandler.is_enabled faulthandler.dump_traceback site.getsitepackages
    site.getusersitepackages comm.__version__ getpass.getuser pandas.io.common.is_url
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
