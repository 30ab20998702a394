"""Which message the address of a Slack message means."""

from __future__ import annotations

import pytest

from creditbot.errors import SettingsError
from creditbot.intake.permalink import Permalink, read_permalink


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "https://acme.slack.com/archives/C0TEST/p1736345678000100",
            Permalink("C0TEST", "1736345678.000100", "1736345678.000100"),
        ),
        (
            " https://acme.slack.com/archives/C0TEST/p1736345678000100?thread_ts=1736345600.000000&cid=C0TEST\n",
            Permalink("C0TEST", "1736345678.000100", "1736345600.000000"),
        ),
        (
            "https://acme.enterprise.slack.com/archives/G0TEST/p1736345678000100?cid=G0TEST&thread_ts=1736345600.000000",
            Permalink("G0TEST", "1736345678.000100", "1736345600.000000"),
        ),
    ],
    ids=["outside threads", "in a thread", "of an enterprise grid"],
)
def test_a_permalink_names_a_message_and_its_thread(text: str, expected: Permalink) -> None:
    """As "Copy link" gives it."""
    assert expected == read_permalink(text)


@pytest.mark.parametrize(
    "text", ["", "hello", "https://acme.slack.com/archives/C0TEST", "1736345678.000100", "p1736345678000100"]
)
def test_any_other_text_is_refused_with_the_way_to_get_a_permalink(text: str) -> None:
    """People paste all kinds of things."""
    with pytest.raises(SettingsError, match="Use Copy link in the message's menu"):
        read_permalink(text)
