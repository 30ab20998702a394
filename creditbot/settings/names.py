"""Tells names of settings from names that are meant to be one: a misspelt limit would be no limit at all.

Names of variables come in, names that look like a setting and are none go out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_NEAR = 0.82
"""How alike two names are, from 0 to 1, if one is taken for the other: MAX_CREDIT for MAX_CREDIT_USD is 0.83, and
OUTPUT_DIR for OUTPUT_URI, which prototypes have, is 0.8."""
_OWN_PREFIXES = ("SLACK_", "LOOKER_")
_OF_OTHERS = frozenset({
    "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "SLACK_VERIFICATION_TOKEN", "SLACK_WEBHOOK_URL",
    "LOOKER_TIMEOUT", "LOOKER_VERIFY_SSL", "HTTP_HOST", "LOGFILE", "LOGLEVEL",
})  # fmt: skip
"""Names that other programs give a meaning: Slack's own for an app, Looker's tools, CGI, and common ones."""
_PREFIXES_OF_OTHERS = ("LOOKERSDK_",)
_OF_KUBERNETES = re.compile(r"_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$")
"""Variables that Kubernetes adds for each Service, such as LOOKER_SERVICE_HOST for a Service named "looker"."""


def misspelt(names: Iterable[str], settings: Iterable[str]) -> dict[str, str]:
    """Name of a variable -> the setting that it is probably meant to be. Both are in upper case."""
    known = list(settings)
    nearest = {name: get_close_matches(name, known, 1, _NEAR) for name in _strange(names, known)}
    return {name: matches[0] for name, matches in nearest.items() if matches}


def unknown(names: Iterable[str], settings: Iterable[str]) -> dict[str, str]:
    """Name that begins like a setting for Slack or Looker, and is none -> the setting that is nearest to it."""
    known = list(settings)
    strange = (name for name in _strange(names, known) if name.startswith(_OWN_PREFIXES))
    return {name: get_close_matches(name, known, 1, 0.0)[0] for name in strange}


def _strange(names: Iterable[str], known: list[str]) -> list[str]:
    """The names that neither we nor another program that we know of give a meaning."""
    meant = {*known, *_OF_OTHERS}
    strange = (name for name in names if name not in meant and not name.startswith(_PREFIXES_OF_OTHERS))
    return sorted({name for name in strange if not _OF_KUBERNETES.search(name)})
