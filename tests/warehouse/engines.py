"""The engines that `make test-warehouse` runs on: DuckDB, PostgreSQL and Trino, each with one user who may only read.

WAREHOUSES names engines; an `Engine` of each comes out. Every engine holds the same tables (see `traffic`), and its
time zone is New York, because a day of a credit is a UTC day wherever the warehouse, or who asks it, may be.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeGuard

import psutil

from tests.warehouse.traffic import READABLE, TABLES, statements

ZONE = "America/New_York"
READER, PASSWORD = "reader", "made-up-4711-password"
OWNER = "owner"
PATIENCE = 120.0
"""Seconds until a server must have done what it is asked."""


class Missing(Exception):
    """An engine that was asked for is not on this machine; the text says what to install."""


class Engine(Protocol):
    """A warehouse with the tables of `traffic`.

    Attributes:
        name: as in WAREHOUSES.
        dialect: sqlglot's name of its SQL.
        url: WAREHOUSE_URL of a user who may only SELECT, and only from the tables of READABLE.
    """

    name: ClassVar[str]
    dialect: ClassVar[str]
    url: str

    def close(self) -> None:
        """Ends it, and removes whatever it wrote."""


class Server(Engine, Protocol):
    """An engine with a process of its own, which may die while a query runs."""

    @property
    def can_be_killed(self) -> bool:
        """Whether `kill` and `start` work: somebody else's server is not killed."""

    def kill(self) -> None:
        """Ends it as a power cut does: nobody says goodbye."""

    def start(self) -> None:
        """Starts it again, with its tables."""

    def running(self) -> list[str]:
        """The SQL that runs for the reader now."""

    def end_queries(self) -> None:
        """Ends what runs for the reader, as an administrator would."""


class DuckDb:
    """A file. It has no users: `credit_report` opens it for reading only."""

    name: ClassVar[str] = "duckdb"
    dialect: ClassVar[str] = "duckdb"

    def __init__(self) -> None:
        import duckdb

        self._folder = Path(tempfile.mkdtemp(prefix="creditbot-duckdb-"))
        file = self._folder / "warehouse.duckdb"
        with duckdb.connect(str(file)) as connection:
            for statement in statements(self.dialect):
                connection.execute(statement)
        self.url = f"duckdb:///{file}"

    def close(self) -> None:
        shutil.rmtree(self._folder)


class PostgreSql:
    """A cluster of Debian's package on a free port, run by an ordinary user: its programs refuse root."""

    name: ClassVar[str] = "postgresql"
    dialect: ClassVar[str] = "postgres"
    can_be_killed: ClassVar[bool] = True

    def __init__(self) -> None:
        self._programs = _programs_of_postgresql()
        self._user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="creditbot-postgresql-"))
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if self._user:
            for path in (self._folder, password):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C",
                  f"--username={OWNER}", f"--pwfile={password}", f"--pgdata={self._folder / 'data'}")  # fmt: skip
        self.url = self._address(READER)
        self.owner = self._address(OWNER)
        self.start()
        rights = (
            f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'",
            f"GRANT SELECT ON {', '.join(READABLE)} TO {READER}",
        )
        with connected(self.owner) as connection:
            for statement in (*statements(self.dialect), *rights):
                connection.exec_driver_sql(statement)

    def start(self) -> None:
        if self._server:
            self._server.wait(PATIENCE)
        options = {"port": self._port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self._folder,
                   "timezone": ZONE, "fsync": "off", "track_activity_query_size": 16384}  # fmt: skip
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data")]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("a") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **self._as_user())
        eventually(lambda: ask(self.owner, "SELECT 1"), lambda: self._server and self._server.poll() is None)

    def kill(self) -> None:
        assert self._server
        kill_family(self._server.pid)

    def running(self) -> list[str]:
        sql = f"SELECT query FROM pg_stat_activity WHERE state = 'active' AND usename = '{READER}'"
        return [str(query) for (query,) in ask(self.owner, sql)]

    def end_queries(self) -> None:
        ask(self.owner, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{READER}'")

    def close(self) -> None:
        self.kill()
        assert self._server
        self._server.wait(PATIENCE)
        shutil.rmtree(self._folder)

    def _address(self, user: str) -> str:
        return f"postgresql+psycopg://{user}:{PASSWORD}@127.0.0.1:{self._port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self._folder, **self._as_user())
        assert 0 == done.returncode, done.stdout + done.stderr

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}


class Trino:
    """The server of TRINO_URL, or the one that the command TRINO_START starts.

    It needs the catalogs `memory` and `tpch`, and rights such as those in trino-access.json.
    """

    name: ClassVar[str] = "trino"
    dialect: ClassVar[str] = "trino"

    def __init__(self) -> None:
        self._command = os.environ.get("TRINO_START", "")
        address = os.environ.get("TRINO_URL", "")
        if not address and not self._command:
            raise Missing(
                "WAREHOUSES names trino: set TRINO_URL to the address of one with the catalogs memory and tpch, such as"
                " trino://owner@127.0.0.1:8080/memory/default, or TRINO_START to a command that starts one and prints"
                " its address."
            )
        from sqlalchemy import make_url

        self._url = make_url(address or self._started())
        self.url = self._address(READER)
        self._owner = self._address(OWNER)
        self._load()

    @property
    def can_be_killed(self) -> bool:
        return bool(self._command)

    def start(self) -> None:
        self._started()
        self._load()

    def kill(self) -> None:
        listening = (each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
        for process in {each.pid for each in listening if each.laddr.port == self._url.port and each.pid}:
            kill_family(process)

    def running(self) -> list[str]:
        return [query for query, _ in self._queries()]

    def end_queries(self) -> None:
        with connected(self._owner) as connection:
            for _, number in self._queries():
                connection.exec_driver_sql(f"CALL system.runtime.kill_query('{number}', 'made up')")

    def _queries(self) -> list[tuple[Any, ...]]:
        """(SQL, id) of what runs for the reader."""
        sql = (
            "SELECT query, query_id FROM system.runtime.queries WHERE state IN"
            f" ('QUEUED', 'PLANNING', 'STARTING', 'RUNNING', 'FINISHING') AND \"user\" = '{READER}'"
        )
        return ask(self._owner, sql)

    def close(self) -> None:
        """Whoever started it ends it."""

    def _address(self, user: str) -> str:
        return self._url.set(username=user).render_as_string(hide_password=False)

    def _started(self) -> str:
        done = subprocess.run(shlex.split(self._command), check=False, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise Missing(f"TRINO_START ({self._command}) failed: {done.stderr.strip()[-500:]}")
        return done.stdout.split()[-1]

    def _load(self) -> None:
        """The catalog `memory` keeps its tables until the server ends."""
        eventually(lambda: ask(self._owner, "SELECT count(*) FROM system.runtime.nodes WHERE state = 'active'"))
        with connected(self._owner) as connection:
            for table in TABLES:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
            for statement in statements(self.dialect):
                connection.exec_driver_sql(statement)


def is_server(engine: Engine) -> TypeGuard[Server]:
    """Whether the engine is a process of its own."""
    return engine.name != DuckDb.name


ENGINES: dict[str, Callable[[], Engine]] = {"duckdb": DuckDb, "postgresql": PostgreSql, "trino": Trino}


def asked_for() -> list[str]:
    """The engines that WAREHOUSES names, DuckDB alone if it names none. Raises `Missing` for a name that is unknown."""
    names = os.environ.get("WAREHOUSES", "").replace(",", " ").split() or ["duckdb"]
    if unknown := [name for name in names if name not in ENGINES]:
        raise Missing(f"WAREHOUSES names {', '.join(unknown)}: the engines are {', '.join(ENGINES)}.")
    return names


@contextmanager
def connected(url: str) -> Any:
    """A connection that commits each statement."""
    from sqlalchemy import NullPool, create_engine

    with ExitStack() as stack:
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        stack.callback(engine.dispose)
        connection = stack.enter_context(closing(engine.connect()))
        yield connection.execution_options(no_parameters=True)


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows that some SQL gives."""
    with connected(url) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def eventually(look: Callable[[], Any], alive: Callable[[], Any] = lambda: True) -> Any:
    """What `look` gives as soon as it gives something. While `look` raises, a server may still be starting."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and alive():
        with suppress(Exception):
            if seen := look():
                return seen
        time.sleep(0.05)  # nobody tells us when a server has done its work
    return look() or None


def kill_family(pid: int) -> None:
    """Ends a process and all that it started, and waits until they are gone."""
    with suppress(psutil.NoSuchProcess):
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=PATIENCE)


def free_port() -> int:
    """A port that nothing listens on: PostgreSQL cannot say which one it has taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _programs_of_postgresql() -> Path:
    """The newest PostgreSQL of Debian's packages. Raises `Missing`."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not folders:
        raise Missing("WAREHOUSES names postgresql: install Debian's package, `apt-get install postgresql`.")
    return folders[-1].parent
