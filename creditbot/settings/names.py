"""Tells names of settings from names that are meant to be one: a misspelt limit would be no limit at all.

Names of variables come in, names that look like a setting and are none go out. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

_NEAR = 0.82
"""How alike two names are, from 0 to 1, if one is taken for the other: MAX_CREDIT for MAX_CREDIT_USD is 0.83, and
OUTPUT_DIR for OUTPUT_URI, which prototypes have, is 0.8."""
OWN_PREFIXES = ("SLACK_", "LOOKER_")
"""How names of settings for Slack and Looker begin."""
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
    strange = _strange(names, known)
    letters = {name: _letters(name) for name in (*known, *strange)}
    possible = {name: [setting for setting in known if _may_be_near(name, setting, letters)] for name in strange}
    nearest = {name: _nearest(name, settings) for name, settings in possible.items()}
    return {name: setting for name, setting in nearest.items() if setting}


def unknown(names: Iterable[str], settings: Iterable[str]) -> dict[str, str]:
    """Name that begins like a setting for Slack or Looker, and is not one -> the setting that is nearest to it."""
    known = list(settings)
    strange = (name for name in _strange(names, known) if name.startswith(OWN_PREFIXES))
    return {name: _nearest(name, known, likeness=0.0) for name in strange}


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of these names that is most alike; there is at least one."""
    from difflib import SequenceMatcher

    return max(known, key=lambda other: SequenceMatcher(a=other, b=name).ratio())


def alike(name: str, known: Iterable[str]) -> str:
    """The one of these names that is most alike, or "" if none is a likely slip of the pen."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), 1)), "")


def _nearest(name: str, settings: list[str], likeness: float = _NEAR) -> str:
    """The setting that is most alike, or "" if none is so much alike."""
    if not settings:
        return ""
    from difflib import get_close_matches  # most ticks have no such name, and need not pay for it

    return next(iter(get_close_matches(name, settings, 1, likeness)), "")


def _may_be_near(name: str, setting: str, letters: Mapping[str, frozenset[tuple[str, int]]]) -> bool:
    """Whether two names of these letters, in whatever order, can be near: else there is nothing to compare.

    The bound is that of `SequenceMatcher.quick_ratio`: what is alike has at most the letters in common.
    """
    sizes = len(name), len(setting)
    needed = _NEAR * sum(sizes) / 2
    return min(sizes) >= needed and len(letters[name] & letters[setting]) >= needed


def _letters(name: str) -> frozenset[tuple[str, int]]:
    """Each letter with a number for each time that it occurs, so that sets have as many in common as the names."""
    return frozenset((letter, number) for letter, count in Counter(name).items() for number in range(count))


def _strange(names: Iterable[str], known: list[str]) -> list[str]:
    """The names that neither we nor another program that we know of give a meaning."""
    meant = {*known, *_OF_OTHERS}
    strange = (name for name in names if name not in meant and not name.startswith(_PREFIXES_OF_OTHERS))
    return sorted({name for name in strange if not _OF_KUBERNETES.search(name)})
