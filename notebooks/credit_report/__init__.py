"""What the credit notebooks share: reading traffic, adding up a credit, and showing where it comes from.

A notebook imports this package from its own folder:

    traffic = load(looker, TARGETS)                   runs the SQL, checks its rows and adds them up
    report = Report(traffic, flag(traffic.groups))    `flag` is the notebook's own: it decides what is fraud
    report.show_credit()                              then come the tables, the plots, and `glue` for creditbot

Rows are dicts, column -> value. Amounts are USD as Decimal, days are UTC. If something is wrong with the SQL or its
rows, a ValueError says in one sentence what it is. ConnectionError means that the warehouse cannot be reached.
"""

from credit_report.credit import flagged
from credit_report.report import Report
from credit_report.traffic import Row, Traffic, load

__all__ = ["Report", "Row", "Traffic", "flagged", "load"]
