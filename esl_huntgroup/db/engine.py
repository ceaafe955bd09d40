"""
The door to the database: from a URL to a peewee database, and from a driver's exception to one clear sentence.

peewee keeps one connection per native thread and per Database. Nothing here connects: the first query does.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import os
import pwd
import re
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import peewee

from esl_huntgroup.errors import DatabaseError, InputError

ACCEPTED = "sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME or mariadb://USER:PASSWORD@HOST/NAME"
CONNECT_TIMEOUT_S = 5
BUSY_TIMEOUT_MS = 5000
"""How long SQLite waits for another writer; our own transactions take milliseconds."""
IDS_MAX = 500
"""Ids in one statement; every database takes as many."""
ROWS_PER_INSERT = 128
"""A power of two: the halves of it are the only other sizes, so that few statements are ever prepared."""
SILENCE_MAX_S = 30
"""A server that has not answered for so long is gone, whatever TCP believes."""

_PRAGMAS = {"journal_mode": "wal", "foreign_keys": 1, "cache_size": -16_000}
"""``cache_size`` is in kB: the default of 2 MB reads the indexes of a busy journal again and again."""
_POSTGRESQL_OPTIONS = frozenset({"host", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name"})
_MARIADB_OPTIONS = frozenset({"unix_socket", "ssl_ca"})
_MARIADB_SQL_MODE = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_MARIADB_FOUND_ROWS = 2
"""CLIENT.FOUND_ROWS: an UPDATE reports the rows it found, as everywhere else, not those it altered."""
_MARIADB_CHECK_VIOLATED = 4025
"""ER_CONSTRAINT_FAILED, which PyMySQL files under OperationalError."""

_MISSING_TABLE = re.compile(r"no such table|Table '.*' doesn't exist|relation \".*\" does not exist")
"""What SQLite, MariaDB and PostgreSQL say; their codes for it have nothing in common."""
_DRIVER_ERRORS = (
    peewee.DatabaseError,
    peewee.DataError,
    peewee.IntegrityError,
    peewee.InterfaceError,
    peewee.InternalError,
    peewee.NotSupportedError,
    peewee.OperationalError,
    peewee.ProgrammingError,
)
_TO_PEEWEE = peewee.ExceptionWrapper({error.__name__: error for error in _DRIVER_ERRORS})
"""PEP 249 gives the errors of every driver the same names."""

T = TypeVar("T")

Progress = Callable[[str], None]
"""Called with what is done next."""


def open_database(
    url: str,
    *,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    survives_power_cut: bool = False,
    plans_anew: bool = False,
) -> peewee.Database:
    """
    Return the database that the URL names. Does not connect.

    Accepts ``sqlite:///relative`` and ``sqlite:////absolute``, ``postgresql://`` and ``mariadb://`` (or ``mysql://``).
    ``busy_timeout_ms`` is how long SQLite waits for another writer; servers queue writers by themselves. With
    ``survives_power_cut`` SQLite waits for the disk at each commit, as servers do unless told otherwise. With
    ``plans_anew`` PostgreSQL looks at the values of each statement, however often it has come: a plan for any period is
    a bad one for a day. Raises InputError for any other URL, and DatabaseError when the driver is not installed. No
    message contains the password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InputError(f"{safe_url(url)!r} is not a database URL: {ACCEPTED} is accepted") from error
    if parts.scheme == "sqlite":
        synchronous = "full" if survives_power_cut else "normal"
        return _open_sqlite(url, parts, {"busy_timeout": busy_timeout_ms, **_PRAGMAS, "synchronous": synchronous})
    opener = _SERVERS.get(parts.scheme)
    if opener is None:
        raise InputError(f"{safe_url(url)!r} is not a database URL: {ACCEPTED} is accepted")
    db = opener(url, parts)
    if plans_anew and isinstance(db, peewee.PostgresqlDatabase):
        db.connect_params["prepare_threshold"] = None  # psycopg prepares nothing, and the server keeps no plan
    return db


def safe_url(url: str) -> str:
    """Return the URL with ``***`` for the password, wherever a badly written one may have left it. Raises nothing."""
    without_user_part = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&]pass\w*=)[^&]*", r"\1***", without_user_part)


def dialect(db: peewee.Database) -> str:
    """Return ``sqlite``, ``postgresql`` or ``mariadb``."""
    return next(name for kind, name in _DIALECTS if isinstance(db, kind))


def describe(db: peewee.Database) -> str:
    """Return a URL for people that says which database this is. It holds no password."""
    name = dialect(db)
    if name == "sqlite":
        return f"sqlite:///{db.database}"
    host = db.connect_params.get("host") or db.connect_params.get("unix_socket") or ""
    port = f":{db.connect_params['port']}" if "port" in db.connect_params else ""
    return f"{name}://{host}{port}/{db.database}"


@contextlib.contextmanager
def database_errors(db: peewee.Database) -> Iterator[None]:
    """Turn whatever peewee raises inside into a DatabaseError of one sentence."""
    try:
        yield
    except peewee.PeeweeException as error:
        has_file(db)
        raise DatabaseError(explain(db, error)) from error


def has_file(db: peewee.Database) -> bool:
    """
    Return whether there is something to open: the file of SQLite; a server is assumed.

    Raises DatabaseError when nobody can say, or the file cannot be read or made here.
    """
    if dialect(db) != "sqlite":
        return True
    file = Path(db.database)
    try:
        found = file.exists()
        is_refused = found and not os.access(file, os.R_OK)
    except PermissionError:
        is_refused = True
    if is_refused:
        raise DatabaseError(f"the database {describe(db)} cannot be read by {user_name()}: {who_may(file)}")
    folder = file.absolute().parent
    if not found and not folder.is_dir():
        raise DatabaseError(
            f"the database {describe(db)} cannot be used: there is no folder {folder}: "
            "make it, or name a file in another one (setting database)"
        )
    return found


def who_may(path: Path) -> str:
    """Return as whom a command is accepted that was not allowed to use this file. Raises nothing."""
    return f"run this as root or as {_owner(path)}"


def user_name() -> str:
    """Return who runs this program. Raises nothing."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


_NOBODY_KNOWN = "the user of the service"


def _owner(path: Path) -> str:
    """Return to whom the file belongs, or the nearest folder around it that can be seen."""
    for seen in (path, *path.absolute().parents):
        with contextlib.suppress(OSError, KeyError):
            owner = seen.owner()
            return owner if owner != "root" else _NOBODY_KNOWN
    return _NOBODY_KNOWN


def explain(db: peewee.Database, error: peewee.PeeweeException) -> str:
    """Return one sentence on why this database could not be used, and what to do where that is known."""
    if _MISSING_TABLE.search(str(error)):
        return f"the database {describe(db)} has not been set up: run: esl-huntgroup db upgrade"
    if dialect(db) == "sqlite" and _is_read_only(Path(db.database)):
        return f"the database {describe(db)} can be read by {user_name()} and not written: {who_may(Path(db.database))}"
    return f"the database {describe(db)} cannot be used: {one_line(error)}"


def one_line(error: peewee.PeeweeException) -> str:
    """Return what the driver said, on one line and without PostgreSQL's account of the functions it was in."""
    return " ".join(str(error).partition("\nCONTEXT:")[0].split()) or type(error).__name__


def is_refusal(error: peewee.PeeweeException) -> bool:
    """Return whether the database is well and refuses this one row: a constraint, a length, a range."""
    if isinstance(error, (peewee.IntegrityError, peewee.DataError)):
        return True
    return isinstance(error, peewee.OperationalError) and _MARIADB_CHECK_VIOLATED in error.args[:1]


def drop_connection(db: peewee.Database) -> None:
    """Close the connection of this thread, in whatever state it is; the next query opens a new one."""
    with contextlib.suppress(peewee.PeeweeException):
        db.close()


def interrupt(db: peewee.Database) -> None:
    """
    Have what this thread waits for from its server fail as if the server were gone; for a signal handler.

    The driver of PostgreSQL waits for ever for a server that hangs; that of MariaDB has a limit of its own.
    """
    if isinstance(db, peewee.PostgresqlDatabase) and not db.is_closed():
        with contextlib.suppress(OSError, peewee.PeeweeException), socket.socket(fileno=_descriptor(db)) as connection:
            connection.shutdown(socket.SHUT_RDWR)


def _descriptor(db: Any) -> int:
    """Return another descriptor of this thread's connection."""
    return os.dup(db.connection().fileno())


def execute(db: peewee.Database, sql: str, parameters: Sequence[object] = ()) -> Any:
    """Run one statement and return the driver's cursor. Raises peewee's exceptions."""
    return db.execute_sql(sql, parameters)  # type: ignore[no-untyped-call]  # the stubs leave this one out


def fetch(db: peewee.Database, query: Any) -> list[tuple[Any, ...]]:
    """Run a query of peewee's builder on this database and return its rows as they come. Raises peewee's exceptions."""
    rows: list[tuple[Any, ...]] = run(db, query).fetchall()
    return rows


def run(db: peewee.Database, query: Any) -> Any:
    """Run a query of peewee's builder on this database and return the driver's cursor. Raises peewee's exceptions."""
    return db.execute(query)  # type: ignore[no-untyped-call]  # the stubs leave this one out


def execute_many(db: peewee.Database, sql: str, rows: Sequence[Sequence[object]]) -> int:
    """
    Run one statement for every row and return how many rows of the table it met in all.

    This is the driver's ``executemany``, which peewee does not offer: the text is built and prepared once. Raises
    peewee's exceptions.
    """
    if not rows:
        return 0
    with _TO_PEEWEE:
        cursor = db.cursor()  # type: ignore[no-untyped-call]  # the stubs leave this one out
        cursor.executemany(sql, rows)
        return int(cursor.rowcount)


def insert_rows(
    db: peewee.Database,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    once: bool = False,
    but: str = "",
) -> None:
    """
    Insert the rows, as many with one statement as ``ROWS_PER_INSERT`` says.

    With ``once`` a row whose key (the first column) exists already is left as it is, but for one column that may be
    named: it takes the new value, unless that is NULL. Against one statement for each row this saves
    little work but many turns of the interpreter lock, for which a thread may have to wait while calls are busy.
    Raises peewee's exceptions.
    """
    done, size = 0, ROWS_PER_INSERT
    while done < len(rows):
        if size > len(rows) - done:
            size //= 2
            continue
        kind: Any = type(db)  # hashable, which the stubs deny
        sql = _insert_sql(kind, table, tuple(columns), size, once=once, but=but)
        execute(db, sql, tuple(itertools.chain.from_iterable(rows[done : done + size])))
        done += size


@functools.cache
def _insert_sql(
    kind: type[peewee.Database], table: str, columns: tuple[str, ...], count: int, *, once: bool, but: str
) -> str:
    names = [quoted(kind, column) for column in columns]
    row = f"({', '.join([kind.param] * len(columns))})"
    insert = f"INSERT INTO {quoted(kind, table)} ({', '.join(names)}) VALUES {', '.join([row] * count)}"
    if not once:
        return insert
    name = quoted(kind, but or columns[0])
    if issubclass(kind, peewee.MySQLDatabase):  # whose INSERT IGNORE would hide every other error too
        return f"{insert} ON DUPLICATE KEY UPDATE {name} = " + (f"COALESCE(VALUES({name}), {name})" if but else name)
    if not but:
        return f"{insert} ON CONFLICT DO NOTHING"
    kept = f"COALESCE(excluded.{name}, {quoted(kind, table)}.{name})"
    return f"{insert} ON CONFLICT ({names[0]}) DO UPDATE SET {name} = {kept}"


def update_sql(db: peewee.Database, table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """Return ``UPDATE table SET columns WHERE key`` with a placeholder for each, columns first."""
    return f"UPDATE {quoted(db, table)} SET {_equal(db, columns, ', ')} WHERE {_equal(db, key, ' AND ')}"


def marks(db: peewee.Database, values: Collection[object]) -> str:
    """Return a placeholder for each of the values, for ``IN``."""
    return ", ".join([db.param] * len(values))


def portions(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Give the ids in as many parts as one statement each can hold."""
    return (ids[start : start + IDS_MAX] for start in range(0, len(ids), IDS_MAX))


def quoted(db: peewee.Database | type[peewee.Database], name: str) -> str:
    """Return the name of one of our tables or columns in this database's quotes (``lines`` is a word of MariaDB's)."""
    return f"{db.quote[0]}{name}{db.quote[1]}"


def _equal(db: peewee.Database, columns: Iterable[str], between: str) -> str:
    return between.join(f"{quoted(db, column)} = {db.param}" for column in columns)


def _open_sqlite(url: str, parts: SplitResult, pragmas: dict[str, object]) -> peewee.Database:
    path = unquote(parts.path)[1:]
    if parts.netloc or not path or path == ":memory:":
        raise InputError(
            f"{safe_url(url)!r} names no file: "
            "sqlite:///RELATIVE or sqlite:////ABSOLUTE is accepted (three or four slashes)"
        )
    return _SqliteFile(str(Path(path)), pragmas=pragmas, lock_type="IMMEDIATE")


class _SqliteFile(peewee.SqliteDatabase):
    """A file of SQLite. One that this process may not write is opened for reading, so that it can be looked at."""

    def _connect(self) -> Any:
        file = Path(self.database)
        opened: Any = peewee.SqliteDatabase(_read_only_uri(file), uri=True) if _is_read_only(file) else super()
        return opened._connect()  # peewee's own way to a connection


def _is_read_only(file: Path) -> bool:
    return os.access(file, os.R_OK) and not os.access(file, os.W_OK)


def _read_only_uri(file: Path) -> str:
    """Return the URI under which SQLite reads the file, and makes no file beside it where nobody else has."""
    has_writer = os.access(f"{file}-wal", os.F_OK)
    return f"{file.absolute().as_uri()}?mode=ro{'' if has_writer else '&immutable=1'}"


def _open_postgresql(url: str, parts: SplitResult) -> peewee.Database:
    _require_driver("psycopg", "postgresql")
    options = _server_options(parts, _POSTGRESQL_OPTIONS)
    return peewee.PostgresqlDatabase(
        _database_name(url, parts),
        prefer_psycopg3=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        tcp_user_timeout=SILENCE_MAX_S * 1000,
        **options,
    )


def _open_mariadb(url: str, parts: SplitResult) -> peewee.Database:
    _require_driver("pymysql", "mariadb")
    options = _server_options(parts, _MARIADB_OPTIONS)
    return peewee.MySQLDatabase(
        _database_name(url, parts),
        mariadb=True,
        charset="utf8mb4",
        sql_mode=_MARIADB_SQL_MODE,
        client_flag=_MARIADB_FOUND_ROWS,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=SILENCE_MAX_S,
        write_timeout=SILENCE_MAX_S,
        **options,
    )


_SERVERS: dict[str, Callable[[str, SplitResult], peewee.Database]] = {
    "postgresql": _open_postgresql,
    "postgres": _open_postgresql,
    "mariadb": _open_mariadb,
    "mysql": _open_mariadb,
}
_DIALECTS: tuple[tuple[type[peewee.Database], str], ...] = (
    (peewee.SqliteDatabase, "sqlite"),
    (peewee.PostgresqlDatabase, "postgresql"),
    (peewee.MySQLDatabase, "mariadb"),
)


def _require_driver(module: str, extra: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise DatabaseError(
            f"the driver for {extra} cannot be loaded ({' '.join(str(error).split())}): "
            f"install it with pip, in the clone: pip install '.[{extra}]'"
        ) from error


def _database_name(url: str, parts: SplitResult) -> str:
    """Refuse what a password with an unescaped ``@`` or ``/`` leaves in the path, without repeating it."""
    name = unquote(parts.path)[1:]
    if not re.fullmatch(r"[\w.-]+", name):
        raise InputError(
            f"{safe_url(url)!r} does not end in the name of a database: {ACCEPTED} is accepted, "
            "with '@', '/', '?' and '#' in the password written as %40, %2F, %3F and %23"
        )
    return name


def _server_options(parts: SplitResult, accepted: frozenset[str]) -> dict[str, Any]:
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(query) - accepted):
        raise InputError(f"the database URL has the option {unknown[0]!r}: {', '.join(sorted(accepted))} are accepted")
    named = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password}
    options: dict[str, Any] = {
        key: unquote(value) if isinstance(value, str) else value for key, value in named.items() if value is not None
    }
    return options | query
