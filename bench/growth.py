"""Measures what the bundled notebook costs as the rows of its SQL grow, with one row per message, on DuckDB."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from bench.measure import Run, cost, run, seconds
from bench.memory import PeakMemory, mib
from bench.results import Row
from bench.stage import BUNDLED, PYTHON, plain_environment

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
ROUNDS = 3
MOST_MEMORY = 1.3
"""How much more memory the largest size may take than the smallest."""
_TRAFFIC = """
CREATE TABLE messages_{size} AS
SELECT DATE '2025-12-01' + CAST(n * 31 // {size} AS INTEGER) AS day, 'AC-' || n % 2 AS account_sid,
    '+' || hash(n) % 40 AS prefix, ['basic', 'standard', 'max'][1 + n % 3] AS mode, 1 AS attempts,
    CAST(hash(n, 1) % 10 < 3 AS INTEGER) AS blocked, 1 - CAST(hash(n, 1) % 10 < 3 AS INTEGER) AS messages,
    CAST(hash(n, 1) % 10 > 5 AS INTEGER) AS verified, CAST(0.3840 AS DECIMAL(10, 4)) AS price_usd
FROM range({size}) AS numbers(n)
"""
_ROWS = "SELECT * FROM messages_{size} WHERE prefix LIKE '+%'"
_SQL = f"{_ROWS} ORDER BY day DESC"
"""Looker ends its SQL with an ORDER BY."""
_SUMS = "SUM(attempts), SUM(blocked), SUM(messages), SUM(verified)"
_OWN = f"SELECT account_sid, day, prefix, mode, price_usd, {_SUMS} FROM ({_ROWS}) GROUP BY ALL"  # noqa: S608 - nothing of it comes from outside
_LOAD = """\
import json, os, sys, time
from decimal import Decimal
import duckdb
from credit_report import load

sql, own = sys.argv[1:]
path = os.environ["WAREHOUSE_URL"].removeprefix("duckdb:///")
targets = {"basic": Decimal("0.8"), "standard": Decimal("0.9"), "max": Decimal("0.95")}
times = []
for _ in range(7):
    start = time.perf_counter()
    load(sql, targets, ["verified"])
    middle = time.perf_counter()
    with duckdb.connect(path, read_only=True, config={"enable_external_access": "false"}) as warehouse:
        warehouse.execute(own).fetchall()
    times.append((middle - start, time.perf_counter() - middle))
print(json.dumps(times))
"""
"""Prints the seconds of `load` and of the warehouse's own GROUP BY, in turn, each with a new connection."""


def rows() -> Iterator[Row]:
    """The growth of the whole notebook, then what the part that grows takes beside the warehouse's own GROUP BY."""
    with tempfile.TemporaryDirectory(prefix="creditbot-bench-") as name:
        folder = Path(name)
        with duckdb.connect(str(folder / "warehouse.duckdb")) as warehouse:
            for size in SIZES:
                warehouse.execute(_TRAFFIC.format(size=size))
        yield from _growth(folder)
        yield _beside_group_by(folder, SIZES[-1])


def _growth(folder: Path) -> Iterator[Row]:
    memory: dict[int, list[int]] = {size: [] for size in SIZES}
    runs: dict[int, list[Run]] = {size: [] for size in SIZES}
    _notebook(folder, SIZES[0])  # for its bytecode
    for _ in range(ROUNDS):
        for size in SIZES:
            with PeakMemory() as peak:
                runs[size].append(_notebook(folder, size))
            memory[size].append(peak.bytes)
    peaks = {size: statistics.median(memory[size]) for size in SIZES}
    first, *others = SIZES
    against = f"{first:,}: {mib(peaks[first])}, {cost(runs[first])}"
    for size in others:
        case = f"memory and time of `papermill`, bundled notebook, SQL with {size:,} rows"
        measured = f"{mib(peaks[size])}, {cost(runs[size])}"
        yield Row(case, measured, against, (peaks[size] / peaks[first],), MOST_MEMORY)


def _notebook(folder: Path, size: int) -> Run:
    """The notebook on a table of that size."""
    command = [PYTHON, "-m", "papermill", str(BUNDLED), str(folder / "executed.ipynb"), "-r", "looker"]
    return run([*command, _SQL.format(size=size)], BUNDLED.parent, _environ(folder))


def _beside_group_by(folder: Path, size: int) -> Row:
    script = folder / "load.py"
    script.write_text(_LOAD)
    environ = _environ(folder) | {"PYTHONPATH": str(BUNDLED.parent)}
    done = run([PYTHON, str(script), _SQL.format(size=size), _OWN.format(size=size)], folder, environ)
    times = json.loads(done.output)
    load, own = (min(each) for each in zip(*times, strict=True))
    limit = 1.5 * own + 1
    case = f"checking and adding up {size:,} rows, bundled notebook, the best of {len(times)} each"
    return Row(case, seconds(load), f"1.5 x DuckDB's own GROUP BY ({seconds(own)}) + 1 s", (load / limit,), 1)


def _environ(folder: Path) -> dict[str, str]:
    return plain_environment() | {"WAREHOUSE_URL": f"duckdb:///{folder / 'warehouse.duckdb'}"}
