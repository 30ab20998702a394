"""The kinds of failures, in words: what went wrong, and what people can do about the kind as a whole. Pure.

Kinds come from `CreditbotError.kind`, as records and summaries keep them; a report shows them.
"""

from __future__ import annotations

from typing import NamedTuple


class Cause(NamedTuple):
    """One kind of failure.

    Attributes:
        words: what went wrong, a clause.
        todo: what to do about it, a sentence.
    """

    words: str
    todo: str


CAUSES = {
    "link": Cause(
        "a link led to no query",
        "Ask people to share Looks and Explores, and give the Looker API user the folders and models that they use.",
    ),
    "sql": Cause(
        "the SQL was refused",
        "Look at the reasons: filters that were cut off, row limits that somebody chose, or SQL that reads no table.",
    ),
    "product": Cause(
        "the SQL fits no product",
        "Ask for links that show one product each, or add the product to PRODUCTS_FILE.",
    ),
    "notebook": Cause("the notebook failed", "Open the executed notebook in OUTPUT_URI, and mend the notebook."),
    "notebook stopped": Cause(
        "the notebook ran out of time or memory", "Raise NOTEBOOK_TIMEOUT or the memory limit, or ask for fewer days."
    ),
    "amount": Cause(
        "the amount was missing or not plausible",
        "Look at the page of the request: its notebook gave no usable amount.",
    ),
    "already credited": Cause(
        "the same SQL was credited before",
        "Nothing has to be done, unless somebody wants it credited a second time: creditbot retry --again does that.",
    ),
    "thread": Cause("the thread did not say whether it was answered", "Look at the thread, and answer by hand."),
    "not yet": Cause(
        "Slack did not show the latest state", "Nothing has to be done, unless it happens often: then Slack is slow."
    ),
    "reply lost": Cause("the reply never became visible", "Answer by hand, and ask Slack's support about lost posts."),
    "killed": Cause("the process was killed each time", "Check memory limits, deadlines of jobs, and the log."),
    "defect": Cause("creditbot has a defect", "Send the log to the people who maintain creditbot."),
    "unreachable": Cause("a service was down for too long", "See which in the reasons, and find out why it was down."),
    "refused": Cause("a service refused creditbot", "Check the tokens and rights of Slack, Looker and the warehouse."),
    "post refused": Cause("Slack refused the reply", "Check that the bot is in the channel and may post there."),
    "post unknown": Cause("nobody knows whether the reply was posted", "Look at the thread."),
    "state": Cause("the state could not be used", "Check STATE_URI and the rights on it."),
    "other": Cause("for another reason", "Look at the reasons."),
}
"""Kind -> what it means. A test holds that every kind of `creditbot.errors` is here."""
UNKNOWN = Cause("for a reason that an earlier version kept as a sentence only", "Look at the reasons.")


def cause_of(kind: str | None) -> Cause:
    """What a kind means; a kind that this version does not know, or None, is `UNKNOWN`."""
    return CAUSES.get(kind or "", UNKNOWN)
