"""Tables of the effects that methods have by type: on the object itself, or on the world."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .findings import Kind
from .library import kinds as _kinds
from .library import words as _set

_NONE: frozenset[str] = frozenset()
_SET = _set("add clear discard pop remove update difference_update intersection_update symmetric_difference_update")
_LIST = _set("append clear extend insert pop remove reverse sort __iadd__ __imul__ __init__")
_DICT = _set("clear pop popitem setdefault update move_to_end __ior__ __init__")
_ARRAY = _set("sort fill put resize setflags partition itemset setfield __iadd__ __imul__ __isub__ __itruediv__")
_FRAME = _set("insert pop update isetitem __setstate__")

# The methods that change an object, by its type or a base of it.
CHANGES: Mapping[str, frozenset[str]] = {
    "builtins.list": _LIST,
    "builtins.bytearray": _LIST,
    "array.array": _LIST | _set("fromlist frombytes fromfile fromunicode byteswap"),
    "collections.deque": _LIST | _set("appendleft extendleft popleft rotate"),
    "builtins.dict": _DICT,
    "collections.Counter": _DICT | {"subtract"},
    "builtins.set": _SET,
    "numpy.ndarray": _ARRAY,
    "numpy.ma.core.MaskedArray": _ARRAY | _set("harden_mask soften_mask unshare_mask"),
    "numpy.matrix": _ARRAY,
    "pandas.core.generic.NDFrame": _FRAME,
    "pandas.core.indexes.base.Index": _NONE,
    "pandas.io.formats.style.Styler": _NONE,
    "polars.dataframe.frame.DataFrame": _set("insert_column replace_column extend"),
    "polars.series.series.Series": _set("append extend"),
    "polars.lazyframe.frame.LazyFrame": _NONE,
    "pyarrow.lib.Table": _NONE,
    **dict.fromkeys(
        _set("""
            builtins.str builtins.bytes builtins.int builtins.float builtins.complex builtins.bool builtins.tuple
            builtins.frozenset builtins.NoneType builtins.range builtins.slice decimal.Decimal fractions.Fraction
            datetime.date datetime.time datetime.timedelta datetime.timezone datetime.tzinfo uuid.UUID
            pathlib.PurePath re.Pattern re.Match pandas._libs.tslibs.timestamps.Timestamp numpy.generic numpy.dtype
            numpy.ufunc pandas._libs.tslibs.timedeltas.Timedelta pandas._libs.tslibs.period.Period
            sympy.core.basic.Basic
            """),
        _NONE,
    ),
}
# What the parts of an object of these libraries are: a column of a frame is a frame in that respect.
PARTS_OF: Mapping[str, frozenset[str]] = {"pandas": _FRAME, "numpy": _ARRAY}

# The methods that change an object of any other type.
CHANGING = _set("""
    append appendleft extend extendleft insert pop popleft popitem remove reverse sort add discard clear update
    setdefault subtract rotate move_to_end difference_update intersection_update symmetric_difference_update fill
    put put_nowait get_nowait resize setflags partition fit partial_fit fit_transform fit_predict fit_resample
    train load_state_dict zero_grad set_params set setLevel addHandler removeHandler addFilter removeFilter clf cla
    close commit rollback read_string read_dict read_file remove_section add_section remove_option set_option
    backward shuffle reset task_done cancel set_result set_exception acquire release notify notify_all register
    unregister subscribe unsubscribe attach disconnect add_node add_nodes_from add_edge add_edges_from
    add_weighted_edges_from remove_node remove_nodes_from remove_edge remove_edges_from set_data set_array
    set_offsets delaxes step learn invalidate purge evict expire dispose enqueue dequeue push unshift prepend
    truncate swap drop_all create_all delete setattr add_argument add_column add_row insert_row delete_row
    delete_cols delete_rows append_row merge_cells unmerge_cells create_sheet remove_sheet add_child
    add_next_sibling set_weights apply_gradients assign assign_add assign_sub initialize refit boost update_params
    init_app populate_obj setstate
    """)
CHANGING_NAME = re.compile(r"[A-Za-z]\w*[^_]_\Z|__(?:set|del|i)(?:item|attr|add|sub|mul|or|and|xor|state)__\Z")

# Methods whose result is a part of the object, so that what changes it changes the object.
PARTS = _set("""
    getroot view reshape to_numpy ravel squeeze transpose swapaxes diagonal get setdefault values items keys find
    iter getchildren get_figure gca gcf parameters children modules get_legend get_children popitem
    """)

# Parts of pandas objects that are never changed in place.
APART = _set("columns index dtypes str dt cat style plot")

# NumPy's functions take the array to write into after their operands.
_ONE_OPERAND = """
    abs absolute ceil conj cos cosh deg2rad degrees exp exp2 expm1 fabs floor invert isfinite isinf isnan log log10
    log1p log2 logical_not negative positive rad2deg radians reciprocal rint sign sin sinh sqrt square tan tanh
    trunc
    """
_TWO_OPERANDS = """
    add subtract multiply divide true_divide floor_divide power float_power mod remainder fmod maximum minimum fmax
    fmin arctan2 hypot logaddexp equal greater greater_equal less less_equal not_equal logical_and logical_or
    logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift matmul copysign
    """

# Functions that change one of their arguments: the position of it.
CHANGED_ARGUMENT: Mapping[str, int] = {
    **dict.fromkeys(
        _set("""
            numpy.copyto numpy.put numpy.place numpy.putmask numpy.put_along_axis numpy.fill_diagonal
            numpy.random.shuffle random.shuffle bisect.insort bisect.insort_left bisect.insort_right heapq.heappush
            heapq.heappop heapq.heapify heapq.heapreplace heapq.heappushpop operator.iadd operator.iconcat
            operator.isub operator.imul operator.ior operator.iand operator.ixor operator.ifloordiv operator.itruediv
            operator.imod operator.ilshift operator.irshift operator.imatmul operator.ipow operator.setitem
            operator.delitem builtins.setattr builtins.delattr struct.pack_into
            xml.etree.ElementTree.SubElement xml.etree.ElementTree.indent collections.deque.rotate
            matplotlib.pyplot.setp matplotlib.artist.setp plotly.tools.append_trace builtins.object.__setattr__
            builtins.type.__setattr__ builtins.object.__delattr__ builtins.type.__delattr__
            networkx.set_node_attributes networkx.set_edge_attributes
            """),
        0,
    ),
    **dict.fromkeys(_set("numpy.random.Generator.shuffle numpy.random.RandomState.shuffle random.Random.shuffle"), 1),
    **{f"numpy.{name}": 1 for name in _ONE_OPERAND.split()},
    **{f"numpy.{name}": 2 for name in _TWO_OPERANDS.split()},
}
CHANGES_ARGUMENT = re.compile(r"(?:.*\.)?(?:numpy\.\w+\.at|torch\.nn\.(?:init|utils)\.\w+_|shuffle)\Z")

# What methods do to the world, by the type or a base of it.
METHODS: Mapping[str, Kind] = _kinds(
    writes="""
        _io._IOBase.write _io._IOBase.writelines _io._IOBase.truncate io.IOBase.write io.IOBase.writelines
        io.IOBase.truncate tempfile._TemporaryFileWrapper.write tempfile._TemporaryFileWrapper.writelines
        _csv.writer.writerow _csv.writer.writerows csv.writer.writerow csv.writer.writerows csv.DictWriter.writerow
        csv.DictWriter.writerows csv.DictWriter.writeheader _pickle.Pickler.dump pickle.Pickler.dump
        pickle._Pickler.dump configparser.RawConfigParser.write configparser.ConfigParser.write
        zipfile.ZipFile.write zipfile.ZipFile.writestr zipfile.ZipFile.extract zipfile.ZipFile.extractall
        zipfile.ZipFile.mkdir tarfile.TarFile.add tarfile.TarFile.addfile tarfile.TarFile.extract
        tarfile.TarFile.extractall sqlite3.Connection.commit sqlite3.Connection.backup
        matplotlib.backend_bases.FigureCanvasBase.print_figure mailbox.Mailbox.add mailbox.Mailbox.remove
        mailbox.Mailbox.discard mailbox.Mailbox.clear mailbox.Mailbox.flush mailbox.mbox.add mailbox.Maildir.add
        numpy.ndarray.dump numpy.ndarray.tofile mmap.mmap.write mmap.mmap.flush mmap.mmap.resize shelve.Shelf.sync
        shelve.Shelf.update shelve.Shelf.pop shelve.Shelf.clear h5py._hl.group.Group.create_dataset
        h5py._hl.group.Group.create_group pandas.io.pytables.HDFStore.put pandas.io.pytables.HDFStore.append
        xml.etree.ElementTree.ElementTree.write pyarrow.lib.NativeFile.write
        """,
    deletes="pandas.io.pytables.HDFStore.remove",
    network="""
        sqlalchemy.engine.base.Engine.connect sqlalchemy.engine.base.Engine.begin
        sqlalchemy.engine.base.Engine.raw_connection sqlalchemy.engine.base.Engine.execute
        sqlalchemy.engine.base.Engine.run_callable sqlalchemy.ext.asyncio.engine.AsyncEngine.connect
        sqlalchemy.ext.asyncio.engine.AsyncEngine.begin urllib.request.OpenerDirector.open
        asyncio.base_events.BaseEventLoop.create_connection asyncio.base_events.BaseEventLoop.create_server
        asyncio.base_events.BaseEventLoop.create_datagram_endpoint asyncio.base_events.BaseEventLoop.getaddrinfo
        """,
    later="""
        asyncio.base_events.BaseEventLoop.call_later asyncio.base_events.BaseEventLoop.call_at
        asyncio.base_events.BaseEventLoop.call_soon asyncio.base_events.BaseEventLoop.call_soon_threadsafe
        asyncio.base_events.BaseEventLoop.add_reader asyncio.base_events.BaseEventLoop.add_signal_handler
         asyncio.base_events.BaseEventLoop.set_exception_handler
        asyncio.base_events.BaseEventLoop.set_task_factory threading.Timer.start sched.scheduler.enter
        sched.scheduler.enterabs
        """,
    unreadable="cProfile.Profile.run cProfile.Profile.runctx profile.Profile.run profile.Profile.runctx",
    process="""
        asyncio.base_events.BaseEventLoop.subprocess_exec asyncio.base_events.BaseEventLoop.subprocess_shell
         subprocess.Popen.communicate
        """,
)
# Types of libraries that reach the world, but whose objects only hold what came from there.
HOLDERS = _set("""
    requests.models.Response requests.models.PreparedRequest requests.structures.CaseInsensitiveDict httpx.Response
    httpx._models.Response httpx._models.Headers httpx._urls.URL http.client.HTTPResponse http.client.HTTPMessage
    aiohttp.client_reqrep.ClientResponse urllib3.response.HTTPResponse subprocess.CompletedProcess
    sqlalchemy.engine.row.Row sqlalchemy.engine.cursor.CursorResult sqlalchemy.engine.result.Result
    openai.types.chat.chat_completion.ChatCompletionparser.util.FeedParserDict geopy.location.Location
    geopy.point.Point redis.exceptions.RedisError bson.objectid.ObjectId kafka.structs.TopicPartition
    multiprocessing.pool.AsyncResult docker.errors.APIError anthropic.types.message.Message
    """)

# Functions that make an object of a type that is named as they are, although they do not look like classes.
MAKERS = _set("mailbox.mbox mmap.mmap socket.socket sched.scheduler zipfile.ZipFile array.array")

# Of these methods that write, the file is the first argument, not the object.
TO_ARGUMENT = _set("""
    xml.etree.ElementTree.ElementTree.write configparser.RawConfigParser.write configparser.ConfigParser.write
    numpy.ndarray.dump numpy.ndarray.tofile matplotlib.backend_bases.FigureCanvasBase.print_figure
    sqlite3.Connection.backup
    """)

# Types of which the findings say as an object is made that it writes a file: only objects of earlier steps need more.
REPORTED = _set("csv.writer _csv.writer csv.DictWriter pickle.Pickler _pickle.Pickler pickle._Pickler")
IN_PLACE = _set("""
    builtins.list builtins.dict builtins.set builtins.bytearray collections.deque numpy.ndarray
    pandas.core.generic.NDFrame
    """)  # an augmented assignment changes the object itself

CONNECTIONS = frozenset(name.rpartition(".")[0] for name, kind in METHODS.items() if kind == "network") | _set("""
    requests.sessions.Session httpx.Client httpx.AsyncClient urllib3.poolmanager.PoolManager socket.socket
    http.client.HTTPConnection smtplib.SMTP ftplib.FTP imaplib.IMAP4 sqlalchemy.engine.base.Connection
    sqlalchemy.orm.session.Session psycopg2.extensions.connection psycopg.Connection pymysql.connections.Connection
    """)
