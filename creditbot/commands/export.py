"""`creditbot export`: the credits of one month as a table, for finance.

What was credited is read by `creditbot.insight` from the state and the summaries. Slack is asked for names alone.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import PurePath

from creditbot.adapters.storage.tables import Format, csv_text, table_bytes
from creditbot.bootstrap import assemble
from creditbot.commands.output import count, names_of
from creditbot.commands.report import history_of, write_file
from creditbot.credit.amount import format_usd
from creditbot.errors import SettingsError
from creditbot.insight.credit_lines import total
from creditbot.insight.export import COLUMNS, month_range, month_table
from creditbot.settings.settings import Settings
from creditbot.text import printable

_ENDINGS = {"csv": (".csv",), "xlsx": (".xlsx", ".xls"), "parquet": (".parquet",)}
"""Format -> the endings of a name by which programs take a file for one of it; other endings say nothing."""


def export(options: Namespace) -> int:
    """Writes the table of a month to the standard output or to a file, and says what it comes to."""
    _check_name(options.out, options.format)
    now = datetime.now(UTC)
    chosen = options.month or now
    if month_range(chosen)[0] > now:
        raise SettingsError(f"The month {chosen:%Y-%m} has not begun (UTC).", "Give --month one that has.")
    assembly = assemble(Settings.load())
    table = month_table(history_of(assembly, with_log=True).during(*month_range(chosen)), chosen)
    rows = table.rows(names_of(assembly.people(), table.people))
    month = f"{table.month:%Y-%m}"
    sum_ = f"{count(len(table.lines), 'credit')} in {month} (UTC), {format_usd(total(table.lines))}"
    if options.out:
        write_file(options.out, table_bytes(COLUMNS, rows, options.format, month))
        print(printable(f"{sum_}: {options.out}"))
    else:
        sys.stdout.write(csv_text(COLUMNS, rows))
        sys.stdout.flush()
        print(f"{sum_}.", file=sys.stderr)
    return 0


def _check_name(out: str | None, form: Format) -> None:
    """Raises `SettingsError` if a format needs a file and none is named, or if its name is one of another format."""
    if not out:
        if form != "csv":
            raise SettingsError(f"--format {form} needs a file.", "Name it with --out FILE.")
        return
    ending = PurePath(out).suffix.lower()
    meant = next((name for name, endings in _ENDINGS.items() if ending in endings), form)
    if meant != form:
        raise SettingsError(
            f"The name {out} ends in {ending}, but --format is {form}.",
            f"Give --format {meant}, or a name that ends in .{form}.",
        )
