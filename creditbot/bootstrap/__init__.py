"""Settings become a bot. The only package that knows every adapter.

    rules       what is answered, by whose word, for which products
    services    the ways to Looker, to notebooks, to Slack's events, and to those who take metrics
    stores      where summaries, pages, models, the log and the state are kept
    assembly    puts a bot together from these

Adapters are imported where they are made, and none of them imports its SDK before it is used. What others use has its
name here.
"""

from creditbot.bootstrap.assembly import Assembly, assemble, assemble_again, digest_teller
from creditbot.bootstrap.rules import (
    budget_of,
    channels_of,
    policy_of,
    products_of,
    request_rules_of,
    sql_rules_of,
    watched,
    workers_of,
)
from creditbot.bootstrap.services import (
    environment_of_notebooks,
    make_doorbell,
    make_job_runner,
    make_metrics_page,
    make_metrics_targets,
    make_pushgateway,
    make_resolver,
    make_runner,
)
from creditbot.bootstrap.stores import (
    make_log,
    make_models,
    make_notebooks,
    make_pages,
    make_report_store,
    make_state,
    make_summaries,
)

__all__ = [
    "Assembly",
    "assemble",
    "assemble_again",
    "budget_of",
    "channels_of",
    "digest_teller",
    "environment_of_notebooks",
    "make_doorbell",
    "make_job_runner",
    "make_log",
    "make_metrics_page",
    "make_metrics_targets",
    "make_models",
    "make_notebooks",
    "make_pages",
    "make_pushgateway",
    "make_report_store",
    "make_resolver",
    "make_runner",
    "make_state",
    "make_summaries",
    "policy_of",
    "products_of",
    "request_rules_of",
    "sql_rules_of",
    "watched",
    "workers_of",
]
