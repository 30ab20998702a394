"""`make test-notebooks`: runs the notebooks on the sandbox's traffic and on edge cases, and says what does not fit.

It is for whoever edits a notebook: each line of output is a sentence, and needs no knowledge of Python or pytest. The
notebooks run as the bot runs them, and their results are read as the bot reads them. `python -m tests.notebook_checks
--verify FILE` checks another file than the bundled one. The exit code is 1 if a check fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.credit.amount import credit_of, format_usd
from creditbot.credit.footprint import read_units
from creditbot.errors import CreditbotError, NotebookFailed
from creditbot.evidence.basis import parameters_in, rows_in
from creditbot.model import Credit, CreditDays, NotebookRun
from creditbot.sandbox.warehouse import make_warehouse

FOLDER = Path(__file__).parents[1] / "notebooks"
MOST_LINES = 120
"""Of code, in one notebook."""
CENT = Decimal("0.01")
LARGEST_OUTPUT = 120_000
"""Characters that a notebook shows at most, pictures included."""


@dataclass(frozen=True)
class Month:
    """A month of the sandbox, and what it comes to.

    Attributes:
        sql: gives its rows.
        credit: USD. Change it if the policy was changed on purpose.
        cut: a day in the middle of its attack.
    """

    sql: str
    credit: Decimal
    cut: date


_DECEMBER = "day BETWEEN DATE '2025-12-01' AND DATE '2025-12-31'"
EXPECTED = {
    "verify": Month(
        f"SELECT * FROM verify_traffic WHERE account_sid = 'AC-sandbox-0001' AND {_DECEMBER}",
        Decimal("4948.80"),
        date(2025, 12, 22),
    ),
    "psms": Month(
        f"SELECT *, 0 AS verified FROM psms_traffic WHERE account_sid = 'AC-sandbox-0003' AND {_DECEMBER}",
        Decimal("2833.28"),
        date(2025, 12, 26),
    ),
}
_COUNTS = ("attempts", "blocked", "messages", "verified")
_QUIET = (
    "SELECT DATE '2025-12-01' + CAST(i AS INTEGER) AS day, '+62' AS prefix, 'basic' AS mode, 100 AS attempts,"
    " 0 AS blocked, 100 AS messages, 95 AS verified, 0.3840::DECIMAL(10, 4) AS price_usd FROM range(30) AS days(i)"
)
_TWO_PRICES = f"{_QUIET} UNION ALL SELECT * REPLACE (0.5 AS price_usd) FROM ({_QUIET})"


class Wrong(Exception):
    """What does not fit, and what to do, in a sentence or two."""


class Notebook:
    """One notebook that is checked.

    Args:
        path: its file.
        month: of the sandbox.
        runner: runs it.
    """

    def __init__(self, path: Path, month: Month, runner: NotebookRunner) -> None:
        self.path = path
        self.month = month
        self._runner = runner
        self._lock = threading.Lock()
        self._month_run: NotebookRun | None = None

    @property
    def checks(self) -> list[tuple[str, Callable[[], None]]]:
        """(sentence, check) pairs."""
        failures = {
            "says where to paste the SQL if there is none": ("", "SQL"),
            "names a column that the SQL does not give": (f"SELECT * EXCLUDE blocked FROM ({_QUIET})", "blocked"),
            "names a value that is missing": (f"SELECT * REPLACE (NULL AS messages) FROM ({_QUIET})", "messages"),
            "refuses a result without rows": (f"SELECT * FROM ({_QUIET}) WHERE prefix = ''", "0 rows"),
            "refuses two prices for one day": (_TWO_PRICES, "rice"),
        }
        return [
            ("is saved without outputs", self.check_saved_clean),
            (f"has at most {MOST_LINES} lines of code", self.check_lines),
            (f"credits {format_usd(self.month.credit)} for the sandbox's month", self.check_month),
            ("hands its result over as creditbot reads it", self.check_scraps),
            ("hands every value of its policy over", self.check_policy),
            ("credits the same, however rows are ordered and split", self.check_split),
            ("credits twice as much for twice the price", self.check_price),
            ("credits no more if more was blocked", self.check_blocked),
            ("credits $0.00 for a quiet month", self.check_quiet),
            ("credits each half of the month once", self.check_halves),
            ("stays small for sixty times as many prefixes", self.check_size),
            *((words, self._fails(*case)) for words, case in failures.items()),
        ]  # fmt: skip

    def check_saved_clean(self) -> None:
        """Outputs hold customers' traffic."""
        if any(cell["outputs"] for cell in self._code()):
            raise Wrong("It has outputs. In Jupyter: Kernel > Restart and clear all outputs, then save.")

    def check_lines(self) -> None:
        """What is longer belongs to credit_report, where both notebooks have it."""
        lines = sum(len("".join(cell["source"]).splitlines()) for cell in self._code())
        if lines > MOST_LINES:
            raise Wrong(f"It has {lines}. Move what is not a decision into the folder credit_report.")

    def check_month(self) -> None:
        """The amount that the docs and the tests state."""
        amount = self._once().amount
        if amount != self.month.credit:
            raise Wrong(
                f"It credits {format_usd(amount)}. If you changed a target or the method, and meant to, write the new"
                " amount into EXPECTED in tests/notebook_checks.py."
            )

    def check_scraps(self) -> None:
        """The credit, the units and the rows, and that they fit together."""
        run = self._run_month()
        credit = credit_of(run)
        if missing := {"units", "rows", "parameters"} - run.scraps.keys():
            raise Wrong(f"It glues no scrap {' and no scrap '.join(sorted(missing))}. The last code cell does that.")
        try:
            units = read_units(run.scraps["units"])
        except (ValueError, TypeError, LookupError, ArithmeticError):
            raise Wrong("Its scrap `units` cannot be read. notebooks/README.md shows its form.") from None
        costs = [row.fraud_cost or Decimal(0) for row in credit.rows]
        difference = abs(sum((flagged.cost for flagged in units.values()), Decimal(0)) - sum(costs))
        if difference > CENT * len(costs):
            raise Wrong(f"What its units cost differs from the fraud cost by {format_usd(difference)}.")
        if rows_in(run.scraps["rows"]) is None:
            raise Wrong("Its scrap `rows` cannot be read. notebooks/README.md shows its form.")

    def check_policy(self) -> None:
        """What is not handed over is not kept in the summary, and nobody sees later that it has changed."""
        names = {
            line.partition("=")[0].partition(":")[0].strip()
            for cell in self._code()
            if "policy" in cell["metadata"].get("tags", ())
            for line in cell["source"]
            if line[:1].isupper() and "=" in line
        }
        glued = parameters_in(self._run_month().scraps.get("parameters")) or {}
        if missing := names - {name.partition(".")[0] for name in glued}:
            raise Wrong(f"It leaves out {', '.join(sorted(missing))}: name it in the last code cell as well.")

    def check_split(self) -> None:
        """A warehouse gives rows in any order and in any number of pieces."""
        halves = [", ".join(f"({name} + {odd}) // 2 AS {name}" for name in _COUNTS) for odd in (0, 1)]
        split = " UNION ALL ".join(f"SELECT * REPLACE ({half}) FROM ({self.month.sql})" for half in halves)
        amount = self._credit(f"SELECT * FROM ({split}) ORDER BY hash(day, prefix, messages)").amount
        if amount != (once := self._once().amount):
            raise Wrong(f"It credits {format_usd(once)} and {format_usd(amount)}. Add rows up before you judge them.")

    def check_price(self) -> None:
        """Within what rounding may do: two cents a mode."""
        credit = self._credit(f"SELECT * REPLACE (2 * price_usd AS price_usd) FROM ({self.month.sql})")
        once = self._once().amount
        if abs(credit.amount - 2 * once) > 2 * CENT * len(credit.rows):
            raise Wrong(f"It credits {format_usd(once)}, and {format_usd(credit.amount)} for twice the price.")

    def check_blocked(self) -> None:
        """What Fraud Guard stopped cannot be held against it."""
        more = "3 * blocked + 10 AS blocked, attempts + 2 * blocked + 10 AS attempts"
        amount = self._credit(f"SELECT * REPLACE ({more}) FROM ({self.month.sql})").amount
        once = self._once().amount
        if amount > once:
            raise Wrong(f"It credits {format_usd(once)}, and {format_usd(amount)} if more was blocked.")

    def check_quiet(self) -> None:
        """Traffic that is merely there is no fraud."""
        if amount := self._credit(_QUIET).amount:
            raise Wrong(f"It credits {format_usd(amount)} for 100 messages a day, of which 95 were verified.")

    def check_halves(self) -> None:
        """A request that looks back pays for nothing again."""
        cut = self.month.cut
        runs = [self._run(self.month.sql, days) for days in (CreditDays(None, cut), CreditDays(cut, None))]
        parts = [set(read_units(run.scraps["units"])) for run in runs]
        if twice := parts[0] & parts[1]:
            todo = "Give CREDIT_FROM and CREDIT_TO to Report."
            raise Wrong(f"It credits {len(twice)} days and prefixes both before and after {cut}. {todo}")
        if lost := set(read_units(self._run_month().scraps["units"])) - parts[0] - parts[1]:
            raise Wrong(f"It credits {len(lost)} days and prefixes neither before {cut} nor after.")

    def check_size(self) -> None:
        """Slack and the page have room for little."""
        many = f"SELECT * EXCLUDE p REPLACE (prefix || p AS prefix) FROM ({self.month.sql}), range(60) AS prefixes(p)"
        shown = sum(len(text) for cell in self._run(many).cells for _, text in cell.outputs)
        if shown > LARGEST_OUTPUT:
            raise Wrong(f"It shows {shown:,} characters; {LARGEST_OUTPUT:,} are enough. Show fewer rows or plots.")

    def _fails(self, sql: str, word: str) -> Callable[[], None]:
        def check() -> None:
            try:
                self._runner.run(str(self.path), sql)
            except NotebookFailed as failed:
                if word not in failed.what:
                    raise Wrong(f"It fails, and the sentence does not say why: {failed.what}") from None
            else:
                raise Wrong("It does not fail. What is wrong with the rows must end the run, with one sentence.")

        return check

    def _once(self) -> Credit:
        return credit_of(self._run_month())

    def _run_month(self) -> NotebookRun:
        """The run for the month as it is; most checks compare with it, so it runs once."""
        with self._lock:
            self._month_run = self._month_run or self._run(self.month.sql)
        return self._month_run

    def _credit(self, sql: str) -> Credit:
        return credit_of(self._run(sql))

    def _run(self, sql: str, days: CreditDays | None = None) -> NotebookRun:
        return self._runner.run(str(self.path), sql, days)

    def _code(self) -> list[dict[str, Any]]:
        cells = json.loads(self.path.read_text(encoding="utf-8"))["cells"]
        return [cell for cell in cells if cell["cell_type"] == "code"]


def outcome(check: Callable[[], None]) -> str:
    """What does not fit, or ""."""
    try:
        check()
    except Wrong as wrong:
        return str(wrong)
    except CreditbotError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  # a notebook may hand anything over
        return f"What it hands over cannot be read: {type(error).__name__}: {error}"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints one line a check; 1 if one fails."""
    parser = argparse.ArgumentParser(prog="make test-notebooks")
    for product in EXPECTED:
        parser.add_argument(f"--{product}", type=Path, metavar="FILE")
    chosen = {product: path.absolute() for product, path in vars(parser.parse_args(arguments)).items() if path}
    paths = chosen or {product: FOLDER / f"{product}_credit.ipynb" for product in EXPECTED}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="creditbot-") as folder:
        warehouse = Path(folder) / "warehouse.duckdb"
        make_warehouse(warehouse)
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment["WAREHOUSE_URL"] = f"duckdb:///{warehouse}"
        runner = NotebookRunner(list(paths.values()), environment, seconds=120, keep="none")
        with closing(runner), ThreadPoolExecutor(os.cpu_count()) as pool:
            runner.warm()
            failed = sum(_checked(Notebook(path, EXPECTED[product], runner), pool) for product, path in paths.items())
    print(f"{'All is well' if not failed else f'{failed} checks failed'}, {time.monotonic() - began:.0f} s.")
    return 1 if failed else 0


def _checked(notebook: Notebook, pool: ThreadPoolExecutor) -> int:
    """Prints the outcome of every check of a notebook; how many failed."""
    print(notebook.path.name)
    checks = notebook.checks
    failed = 0
    for (words, _), problem in zip(checks, pool.map(lambda check: outcome(check[1]), checks), strict=True):
        print(f"  {'FAIL' if problem else 'ok  '}  {words}", *([f"        {problem}"] if problem else []), sep="\n")
        failed += bool(problem)
    return failed


if __name__ == "__main__":
    sys.exit(main())
