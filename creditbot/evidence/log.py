"""The log of ends: each end of a request becomes one entry, and nothing in the log can be changed unnoticed. Pure.

Summaries and pages come in; the bytes of entries, and checkpoints, come out. `creditbot.evidence.merkle` hashes the
entries, `creditbot.answer.logbook` appends them, and `creditbot.insight.audit` checks them. An entry is canonical JSON
(`exact_json.canonical`):

    logged    when it was appended, by Slack's clock
    end       request    its key
              status, at, amount, reply, answer_amount    as the summary has them; amounts in USD
              links      of each: product, credit, hashes of its SQL, its notebook and its footprint
              approval   digest of what was approved, and how many people said yes and no
              summary    SHA-256 of the canonical summary without the values that `people` has
              people     place in the summary -> salted hash of a value that a person may want erased
              page       salted hashes of the evidence on the page, and of what the page says about the end
              version    of this form

No entry holds a person's id or words. Their hashes are salted, and the salts are in the summary alone (`salts`).
Whoever takes a value and its salt out of the summary has erased it: the hash that stays in the log leads nowhere.

A checkpoint is the text of a C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint), without a signature: what vouches
for it is not a key but Slack, which shows it in the metadata of the next reply.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from creditbot.evidence.fields import mapping, mappings, sequence
from creditbot.evidence.merkle import Tree, leaf_hash
from creditbot.machine import exact_json
from creditbot.model import RequestKey
from creditbot.state.log_head import LogHead

SALTS = "salts"
"""Key of a summary: place of a person's value -> salt of its hash."""
PAGE = "page"
"""The place of the page, which is a file of its own and shows people's values, too."""
VERSION = 1

_PEOPLE = (("request", "author"), ("request", "text"), ("outcome", "answer_by"), ("outcome", "overridden_by"),
           ("outcome", "reason"))  # fmt: skip
_VOTER = ("by", "typed_by")
_COPIED = ("status", "at", "reply", "answer_amount")
_ORIGIN = "creditbot/"
_CHECKPOINT = re.compile(r"([^\s+]{1,200})\n(0|[1-9]\d{0,11})\n([A-Za-z0-9+/]{43}=)\n?")


# -- entries -----------------------------------------------------------------------------------------------------------


def with_salts(summary: Mapping[str, Any], salt: Callable[[], str] = lambda: secrets.token_hex(16)) -> dict[str, Any]:
    """The summary with a salt for each value of a person; one that is there already stays."""
    before = mapping(summary.get(SALTS))
    places = [PAGE, *(place for place, _ in _people(summary))]
    return {**summary, SALTS: {place: before.get(place) or salt() for place in places}}


def end_of(summary: Mapping[str, Any], page: Sequence[str] | None = None) -> dict[str, Any]:
    """What an entry says about the end of a request.

    Args:
        summary: of the request, as it is saved, with its salts.
        page: the parts of its page, as `page_parts` gives them; None if it could not be kept.
    """
    outcome, salts = mapping(summary.get("outcome")), mapping(summary.get(SALTS))
    approval = mapping(outcome.get("approval"))
    end = {
        "version": VERSION,
        "request": mapping(summary.get("request")).get("key"),
        "amount": summary.get("credit_amount"),
        **{name: outcome[name] for name in _COPIED if name in outcome},
        "links": [_link(link) for link in mappings(summary.get("links"))],
        **({"approval": _approval(approval)} if approval else {}),
        "summary": summary_hash(summary),
        "people": {place: person_hash(place, value, str(salts.get(place))) for place, value in _people(summary)},
        **({PAGE: page_hashes(page, summary)} if page else {}),
    }
    return {name: value for name, value in end.items() if value is not None or name == "amount"}


def end_digest(end: Mapping[str, Any]) -> str:
    """The hash by which an end is recognised, whenever it was logged."""
    return hashlib.sha256(exact_json.canonical(end)).hexdigest()


def entry_of(end: Mapping[str, Any], logged: datetime) -> str:
    """The text of an entry."""
    stamp = logged.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return exact_json.canonical({"logged": stamp, "end": end}).decode()


def summary_hash(summary: Mapping[str, Any]) -> str:
    """SHA-256 of all of a summary but people's values and the salts."""
    bare = {name: value for name, value in summary.items() if name != SALTS}
    for place in (*_PEOPLE, *_voters(summary)):
        bare = _without(bare, place)
    return hashlib.sha256(exact_json.canonical(bare)).hexdigest()


def person_hash(place: str, value: object, salt: str) -> str:
    """The salted hash of a person's value. Without the salt, nobody can find the value by trying all that it may be."""
    return hmac.new(salt.encode(), exact_json.canonical([place, value]), hashlib.sha256).hexdigest()


def page_hashes(parts: Sequence[str], summary: Mapping[str, Any]) -> dict[str, str]:
    """The hashes of the two parts of a page: the evidence, and what it says about the end."""
    salt = str(mapping(summary.get(SALTS)).get(PAGE))
    return {name: person_hash(PAGE, part, salt) for name, part in zip(("evidence", "outcome"), parts, strict=True)}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it was read.

    Attributes:
        key: the request whose end it is about.
        logged: UTC.
        end: what it says, see above; amounts as Decimal.
    """

    key: RequestKey
    logged: datetime
    end: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """As `end_digest` gives it."""
        return end_digest(self.end)


def read_entry(content: bytes) -> Entry:
    """The entry with these bytes. Raises ValueError for anything else."""
    try:
        document = exact_json.read(content)
    except RecursionError as error:
        raise ValueError from error
    if not isinstance(document, dict) or not isinstance(document.get("end"), dict):
        raise ValueError("not an entry")  # noqa: TRY004 what cannot be read is a ValueError
    logged = datetime.fromisoformat(str(document.get("logged")))
    if logged.tzinfo is None:
        raise ValueError("a time without a zone")
    return Entry(RequestKey.parse(str(document["end"].get("request"))), logged, document["end"])


def people_of(summary: Mapping[str, Any], end: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """(places of people's values that are not those of the entry, places of those that were erased)."""
    logged, salts, now = mapping(end.get("people")), mapping(summary.get(SALTS)), dict(_people(summary))
    changed = [
        place
        for place, value in now.items()
        if not hmac.compare_digest(person_hash(place, value, str(salts.get(place))), str(logged.get(place)))
    ]
    return changed, [place for place in logged if place not in now]


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: link.get(name) for name in ("product", "credit", "sql_sha256", "notebook_sha256")}
    if "footprint" in link:
        facts["footprint"] = hashlib.sha256(exact_json.canonical(link["footprint"])).hexdigest()
    return {name: value for name, value in facts.items() if value is not None}


def _approval(approval: Mapping[str, Any]) -> dict[str, Any]:
    votes = [vote.get("vote") for vote in mappings(approval.get("votes"))]
    return {"digest": approval.get("digest"), "yes": votes.count("yes"), "no": votes.count("no")}


def _people(summary: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """(place, value) of everything in a summary that a person may want erased."""
    for place in (*_PEOPLE, *_voters(summary)):
        value: Any = summary
        for step in place:
            value = value[step] if isinstance(step, int) else mapping(value).get(step)
        if value not in (None, ""):
            yield ".".join(map(str, place)), value


def _voters(summary: Mapping[str, Any]) -> list[tuple[str | int, ...]]:
    votes = mapping(mapping(summary.get("outcome")).get("approval")).get("votes")
    count = len(sequence(votes))
    return [("outcome", "approval", "votes", number, name) for number in range(count) for name in _VOTER]


def _without(value: Any, place: Sequence[str | int]) -> Any:
    """A copy without what is at a place, if anything is there."""
    step, rest = place[0], place[1:]
    if isinstance(step, int):
        return [_without(item, rest) if number == step else item for number, item in enumerate(value)]
    if not isinstance(value, Mapping) or step not in value:
        return value
    if not rest:
        return {name: item for name, item in value.items() if name != step}
    return {**value, step: _without(value[step], rest)}


# -- checkpoints -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log was at one size.

    Attributes:
        origin: what the log calls itself.
        size: how many entries it had.
        root: the root of their Merkle tree.
    """

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """As it is written, and shown by Slack."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The inverse of `str`. Raises ValueError for anything else."""
        match = _CHECKPOINT.fullmatch(text)
        if match is None:
            raise ValueError("not a checkpoint")
        return cls(match[1], int(match[2]), root_of(match[3]))


def root_of(text: str) -> bytes:
    """The root that is written in base64. Raises ValueError."""
    try:
        root = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(root) != hashlib.sha256().digest_size:
        raise ValueError("not a SHA-256 hash")
    return root


def origin_of(first: bytes) -> str:
    """What a log calls itself: by the hash of its first entry, so that it keeps its name if the state is lost."""
    return _ORIGIN + leaf_hash(first).hex()[:16]


def tree_of(head: LogHead) -> Tree:
    """The tree of the entries that have their files."""
    return Tree(head.size, tuple(map(bytes.fromhex, head.peaks)))


def checkpoint_of(head: LogHead | None) -> Checkpoint | None:
    """The checkpoint of the entries that have their files; None if there is none yet."""
    return Checkpoint(head.origin, head.size, tree_of(head).root) if head and head.size else None
