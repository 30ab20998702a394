"""What an entry of the log of ends says and does not say, how summaries are compared with it, and checkpoints."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.evidence.log import (
    SALTS,
    Checkpoint,
    end_digest,
    end_of,
    entry_of,
    page_hashes,
    people_of,
    read_entry,
    summary_hash,
    with_salts,
)
from creditbot.machine import exact_json
from tests.support.world_facts import START

SUMMARY: dict[str, Any] = {
    "extracted_at": "2026-01-08T12:00:00.000Z",
    "credit_amount": Decimal("4948.80"),
    "summary_outputs": {"cell_3": {"source": "x", "outputs": []}},
    "request": {"key": "T0.C0.1767873600.000002", "permalink": "https://x", "author": "U0DANA", "text": "please"},
    "links": [
        {
            "url": "https://l", "product": "verify", "sql": "SELECT 1", "sql_sha256": "a" * 64,
            "notebook_sha256": "b" * 64, "credit": Decimal("4948.80"), "footprint": {"accounts": ["AC1"]},
        }
    ],
    "outcome": {
        "status": "answered", "at": "2026-01-08T12:00:01.000Z", "reply": "1767873601.000003", "reason": "none",
        "approval": {
            "digest": "c" * 64,
            "votes": [{"by": "U0OWNER", "vote": "yes", "typed_by": "o@host"}, {"by": "U0BOSS", "vote": "no"}],
        },
    },
    "credited": ["a" * 64],
}  # fmt: skip
PEOPLE = ("U0DANA", "please", "U0OWNER", "o@host", "U0BOSS", "none")


def salted(summary: dict[str, Any] = SUMMARY) -> dict[str, Any]:
    numbers = iter(range(100))
    return with_salts(summary, lambda: f"{next(numbers):032x}")


def changed(place: str, value: object) -> dict[str, Any]:
    """A copy of the salted summary with another value somewhere."""
    summary = copy.deepcopy(salted())
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    inner: Any = summary
    for step in way:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return summary


def test_an_entry_says_how_a_request_ended() -> None:
    end = end_of(salted())
    assert ("answered", Decimal("4948.80"), "1767873601.000003") == (end["status"], end["amount"], end["reply"])
    (link,) = end["links"]
    assert {"product": "verify", "credit": Decimal("4948.80"), "sql_sha256": "a" * 64}.items() <= link.items()
    assert {"digest": "c" * 64, "yes": 1, "no": 1} == end["approval"]


def test_an_entry_names_nobody() -> None:
    entry = entry_of(end_of(salted()), START)
    assert [] == [value for value in PEOPLE if f'"{value}"' in entry]
    assert [] == [salt for salt in salted()[SALTS].values() if salt in entry]


def test_an_entry_of_a_request_without_an_amount_says_so() -> None:
    end = end_of(with_salts({"request": {"key": "T0.C0.1.2"}, "outcome": {"status": "skipped"}, "credit_amount": None}))
    assert end["amount"] is None
    assert "approval" not in end


def test_an_entry_comes_back_as_it_was_written() -> None:
    entry = read_entry(entry_of(end_of(salted()), START).encode())
    assert (START, end_of(salted())) == (entry.logged, dict(entry.end))
    assert end_digest(end_of(salted())) == entry.digest


def test_the_time_of_logging_does_not_make_another_end() -> None:
    entries = [read_entry(entry_of(end_of(salted()), START + timedelta(days=day)).encode()) for day in range(2)]
    assert 1 == len({entry.digest for entry in entries})


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"end": 1}', '{"end": {}, "logged": "2026-01-08T12:00:00Z"}',
     '{"end": {"request": "T.C.1"}, "logged": "?"}', '{"end": {"request": "T.C.1"}, "logged": "2026-01-08T12:00:00"}',
     "[" * 100_000],
)  # fmt: skip
def test_what_is_no_entry_is_refused(content: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 whatever is wrong with it
        read_entry(content.encode())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("credit_amount", Decimal("4948.81")), ("links.0.credit", Decimal("4948.8")), ("links.0.sql", "SELECT 2"),
        ("links.0.footprint.accounts", ["AC2"]), ("outcome.status", "denied"), ("outcome.at", "2026-01-09"),
        ("outcome.approval.votes.0.vote", "no"), ("outcome.approval", None), ("credited", []), ("note", "new"),
        ("summary_outputs.cell_3.source", "y"),
    ],
)  # fmt: skip
def test_any_other_summary_has_another_hash(place: str, value: object) -> None:
    assert summary_hash(salted()) != summary_hash(changed(place, value))


def test_a_summary_that_was_saved_and_read_has_the_same_hash() -> None:
    assert summary_hash(salted()) == summary_hash(exact_json.read(exact_json.write(salted())))  # type: ignore[arg-type]


def test_the_order_of_keys_makes_no_difference() -> None:
    assert summary_hash(salted()) == summary_hash(dict(reversed(salted().items())))


@pytest.mark.parametrize(
    "place", ["request.author", "request.text", "outcome.reason", "outcome.approval.votes.0.by",
              "outcome.approval.votes.0.typed_by", "outcome.approval.votes.1.by"],
)  # fmt: skip
class TestPeople:
    def test_another_person_is_noticed(self, place: str) -> None:
        assert ([place], []) == people_of(changed(place, "U0EVE"), end_of(salted()))

    def test_an_erased_person_changes_nothing_else(self, place: str) -> None:
        summary = changed(place, None)
        del summary[SALTS][place]
        assert ([], [place]) == people_of(summary, end_of(salted()))
        assert end_of(salted())["summary"] == summary_hash(summary)

    def test_a_person_without_the_salt_is_not_taken_on_trust(self, place: str) -> None:
        summary = salted()
        del summary[SALTS][place]
        assert ([place], []) == people_of(summary, end_of(salted()))


def test_somebody_who_was_added_is_noticed() -> None:
    assert (["outcome.overridden_by"], []) == people_of(changed("outcome.overridden_by", "eve@host"), end_of(salted()))


def test_the_same_person_has_another_hash_in_every_summary() -> None:
    ends = [end_of(with_salts(SUMMARY)) for _ in range(2)]
    assert ends[0]["people"] != ends[1]["people"]


def test_a_salt_that_is_there_stays() -> None:
    assert salted() == with_salts(salted())


def test_each_part_of_a_page_has_its_hash() -> None:
    one, other, third = (page_hashes(parts, salted()) for parts in (("a", "b"), ("a", "c"), ("d", "b")))
    assert one == end_of(salted(), ("a", "b"))["page"]
    assert one["evidence"] == other["evidence"]
    assert one["outcome"] != other["outcome"]
    assert one["evidence"] != third["evidence"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_canonical_json_is_json_and_stays_itself(value: object) -> None:
    text = exact_json.canonical(value)
    assert text == exact_json.canonical(exact_json.read(text))
    json.loads(text)


def test_canonical_json_is_compact_and_sorted() -> None:
    assert '{"a":[1,2.50],"ü":null}'.encode() == exact_json.canonical({"ü": None, "a": (1, Decimal("2.50"))})


class TestCheckpoints:
    CHECKPOINT = Checkpoint("creditbot/0123456789abcdef", 20852163, bytes(range(32)))

    def test_it_is_written_as_c2sp_says(self) -> None:
        """Origin, size in decimal, root in standard base64, each on a line that ends."""
        text = "creditbot/0123456789abcdef\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        assert text == str(self.CHECKPOINT)
        assert self.CHECKPOINT == Checkpoint.parse(text) == Checkpoint.parse(text.rstrip())

    @pytest.mark.parametrize(
        "text",
        ["", "o\n1\n", "o\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
         "o p\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
         "o\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",
         "o\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n"],
    )  # fmt: skip
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="checkpoint"):
            Checkpoint.parse(text)
