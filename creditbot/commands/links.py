"""`creditbot links`: the Looker links of a Slack message on the standard input, one JSON object a line."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import replace

from creditbot.adapters.looker.sql import check_limit
from creditbot.errors import CreditbotError, SettingsError
from creditbot.intake.looker_links import looker_host, looker_links, to_json
from creditbot.intake.message_urls import content_of
from creditbot.model import LookerLink
from creditbot.settings.settings import raw


def run(options: Namespace) -> int:
    """Prints each link with its parts and, if it cannot be used, why."""
    text = options.host or raw("LOOKER_BASE_URL")
    if not text:
        raise SettingsError("No Looker host is set to look for.", "Pass --host HOST, or set LOOKER_BASE_URL.")
    host = looker_host(text)
    links = looker_links(content_of(sys.stdin.buffer.read().decode(errors="replace")), host)
    for link in links:
        print(json.dumps(to_json(_checked(link))))  # in ASCII: nothing that a terminal obeys
    if not links:
        print(f"creditbot: There is no link to {host} in this message.", file=sys.stderr)
    return 0


def _checked(link: LookerLink) -> LookerLink:
    """The link, marked as unusable if that is known without asking Looker."""
    if link.kind == "sql_runner" and raw("ALLOW_SQL_RUNNER").lower() not in ("1", "on", "t", "true", "y", "yes"):
        return replace(link, unusable="SQL Runner links are credited only if ALLOW_SQL_RUNNER is true.")
    if link.kind == "explore_params" and not link.unusable:
        try:
            check_limit(link.limit, "this Explore")
        except CreditbotError as error:
            return replace(link, unusable=str(error))
    return link
