"""`creditbot export`: the credits of one month as a table, for finance.

What was credited is read by `creditbot.insight` from the state and the summaries. Nothing here asks Slack or Looker.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime

from creditbot.adapters.storage.tables import csv_text, table_bytes
from creditbot.bootstrap import assemble
from creditbot.commands.output import count
from creditbot.commands.report import history_of, write_file
from creditbot.credit.amount import format_usd
from creditbot.errors import SettingsError
from creditbot.insight.credit_lines import total
from creditbot.insight.export import COLUMNS, month_range, month_table
from creditbot.settings.settings import Settings
from creditbot.text import printable


def export(options: Namespace) -> int:
    """Writes the table of a month to the standard output or to a file, and says what it comes to."""
    if options.format != "csv" and not options.out:
        raise SettingsError(f"--format {options.format} needs a file.", "Name it with --out FILE.")
    chosen = options.month or datetime.now(UTC)
    table = month_table(history_of(assemble(Settings.load()), with_log=True).during(*month_range(chosen)), chosen)
    month = f"{table.month:%Y-%m}"
    sum_ = f"{count(len(table.lines), 'credit')} in {month} (UTC), {format_usd(total(table.lines))}"
    if options.out:
        write_file(options.out, table_bytes(COLUMNS, table.rows, options.format, month))
        print(printable(f"{sum_}: {options.out}"))
    else:
        sys.stdout.write(csv_text(COLUMNS, table.rows))
        sys.stdout.flush()
        print(f"{sum_}.", file=sys.stderr)
    return 0
