"""Whom requests of the past name, so that their names can be looked up. Pure.

Requests come in as `history` reads them; member ids go out. A bot or a name that somebody typed may be among them.
"""

from __future__ import annotations

from collections.abc import Iterable

from creditbot.insight.past import PastRequest
from creditbot.model import mentions


def people_in(requests: Iterable[PastRequest]) -> set[str]:
    """Who asked, answered, voted or had something credited again, and who is mentioned in a reason."""
    return {user for request in requests for user in _people(request) if user}


def _people(request: PastRequest) -> Iterable[str | None]:
    yield from (request.requester, request.answer_by, request.overridden_by, *mentions(request.reason))
    if request.hold:
        yield from (vote.by for vote in request.hold.votes)
        yield from (user for reason in request.hold.reasons for user in mentions(reason.text))
