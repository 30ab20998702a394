"""How a call of an adapter ended, in words that tests compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from creditbot.errors import CreditbotError, PostRefused


def end_of(call: Callable[[], object]) -> object:
    """What the call returned, or the name of its error, with "retry" for a post that may be accepted later."""
    try:
        return call()
    except PostRefused as error:
        return "PostRefused, retry" if error.retry else "PostRefused"
    except CreditbotError as error:
        return type(error).__name__


def ends_of(names: Iterable[str], call: Callable[[], object]) -> dict[str, object]:
    """How the call ended while each of the answers was given."""
    return {name: end_of(call) for name in names}


def errors_in(ends: Mapping[str, object]) -> dict[object, set[str]]:
    """The ends that were errors -> the answers that led there. Successful examples have names of their own."""
    led_to: dict[object, set[str]] = defaultdict(set)
    for name, end in ends.items():
        if not name.startswith("success"):
            led_to[end].add(name)
    return dict(led_to)
