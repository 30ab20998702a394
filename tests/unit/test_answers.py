"""What a reply in a thread says about the request above it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.intake.answers import Reading, amounts_in, is_exact_answer, read_answer, takes_back
from tests.support.linear_time import assert_linear

ANSWERS = [
    "Approved, $812.40, exceptions",
    "<@U0DANA> Approved, $812.40, exceptions",
    "<@U0DANA>: approved, $812.40",
    "<!here> Approved, $5",
    "<!subteam^S1|@credits> Approved, $5",
    "Hi Dana, approved, $812.40",
    "Hi Dana - approved, $5",
    "Hello Dana!\nApproved, $812.40",
    "Hey <@U1>, approved: $812.40",
    "Thanks! Approved, $812.40",
    "Credit approved: $812.40",
    "The credit was approved, $812.40",
    "Approved, 812.40 USD, exceptions",
    "Approved, USD 5",
    "Approved 812.40 dollars",
    "Approved, US$812.40",
    "$812.40 approved, exceptions",
    "$812.40 credit approved",
    "Approved for account AC-sandbox-0005, December, SMS Verify: $812.40",
    "Done, credited $812.40",
    "*Approved*, *$812.40*",
    "_Approved, $2,657.67, exceptions_",
    "*_Approved_*: `$5`",
    "&gt; credit please\nApproved, $812.40",
    "> credit please\n> thanks\n\nApproved, $812.40",
    "&gt; Approved, $5",
    "\u2705 Approved, $812.40",
    ":white_check_mark: Approved, $5",
    "Approved, $812.40, exceptions (<https://acme.looker.com/looks/5>)",
    "<https://acme.looker.com/looks/5|Look 5> approved, $812.40",
    "Approved\n$812.40",
    "APPROVED, $ 12",
    "Approved for $500",
    "approved for USD 500",
    "500 USD approved",
    "Approving $500",
    "Granted $500",
    "<@U1> this is approved, $500",
    "A credit of $500 is approved",
    "Credit of $500 approved",
    "Confirmed, approved: $500",
    "LGTM - approved $500",
    "Looks good, approved for $500",
    "No objection. Approved, $500",
    "@dana approved, $500",
    "Approved (toll fraud, confirmed with Ops): $812.40",
    "Approved due to SMS pumping in December, $812.40, exceptions",
    "Sorry for the delay! Approved, $500",
    "Good morning Dana, approved, $500",
    "Yep, approved $500",
    "Approved credit: $812.40",
    "Approved, $4,948.80, exceptions (fraud cost was $7,526.30)",
    "Approved, OK. $500 will be credited on the next invoice",
    "Approved, $\u200b500",
    "\uff21pproved, \uff04500",
    "Approved, <tel:4948.80|4948.80> USD",
    "~not ~granted: $500",
]
DOUBTS = [
    "not approved: $5",
    "Approved?? I see $5,000 in the dashboard",
    "Approved amount can't be $5,000, please check",
    "Approved, $5,000?",
    "Approved by my manager, up to $5,000",
    "Can you approve $812.40?",
    "I would have approved $5",
    "The customer was granted $5,000 last month",
    "Approved, \u20ac5",
    "Approved, 812.40",
    "&gt; Approved, $5\nis this right?",
    "~Approved, $5~ credited $4",
    "I approved $500",
    "Hi, I approved last month's at $500",
    "Ok so they approved $500",
    "Great that finance approved $500 for Acme",
    "FYI the credit approved in November was $500",
    "Hey who approved $500 here",
    "Done, waiting till it is approved: $500",
    "Confirmed with Ops that they approved $500",
    "credited $500 to the other account by mistake",
    "Approved, then revoked: $500",
    "Approved $500, please ignore",
    "Thanks, approved $500 last time",
    "Approved once they pay the $500",
    "Approved, provided that they pay $500 first",
    "Approved as long as it is below $500",
    "Approved only for amounts below $500",
    "Approved at most $500",
    "Approved, no more than $500",
    "Approved ~ $500",
    "Approved, maybe $500",
    "Approved limit is $500",
    "Approved vendor list: $500",
    "Approved customers get $500 a month",
    "Approved credits over $500 go to finance",
    "Granted that $500 is a lot",
    "Granted, $500 is a lot",
    "Approved $500 or $600",
    "Approved $500 too much",
    "credited $500 of fraud cost",
    "Approved, $500 - wait, no",
    "Approved, $500. Hold on",
    "Approved, $500, scratch that",
    "Approved, $500, pending finance",
    "Approved $500, but legal has to look at it",
    "Approved $500 for the other account",
    "Approved $500 two weeks ago",
    "Approved $500 jk",
    "approved 500",
    "Approved 5k",
    "Approved, $.50",
    "Approved, four thousand dollars",
    "aproved $500",
    "I've applied a credit of $500",
    "Credit issued: $500",
    "Refunded $500",
    "ok to credit $500",
    "Credit $500",
    "Authorised, $500",
    "Granting $500",
    ":white_check_mark: $500",
    ":approved: $500",
    "Approved",
    "Approved!",
    "*approved*, thanks",
    "Hi Dana, this is approved",
    "ok, approved by me",
    "<https://acme.slack.com/archives/C1/p1|Approved, $500>",
    "<https://acme.looker.com/looks/5|$500> approved",
    "Approved by Lee: $<https://acme.looker.com/looks/5|500>",
    "&gt;Approved, $5\nis this right?",
]
REFUSALS = [
    "Denied",
    "Denied, do not credit",
    "Denied, do not credit $500",
    "Hi Dana, denied: outside of the 30 days",
    "Sorry, denied",
    "Unfortunately, we cannot approve this",
    "Request denied, see policy",
    "This is denied",
    "Rejected: duplicate of last week",
    "Declining this one",
    "This is a duplicate",
    "Already credited last week",
    "This account was already credited",
    "Not approved yet",
    "No credit here: own traffic",
    "Please don't credit this",
    "do not approve",
    "This should not be credited",
    "We will not be crediting this",
    "They are not eligible",
    "I'll handle this one",
    "On hold",
    "Stop, this is under investigation",
    "please disregard this request",
    "No.",
]
"""Said by somebody else than the person who asked."""
WITHDRAWALS = [
    "please ignore",
    "Sorry, please ignore this one",
    "ignore this, wrong link",
    "Never mind",
    "nvm",
    "Cancel this please",
    "Please don't credit this, wrong account",
    "my mistake, please disregard",
    "no longer needed",
    "please don't answer yet",
    "do not reply to this",
    "skip this one",
    "wait",
    "Wait for Lee, please",
    "don't",
    "please don't do this yet",
    "do not process this",
    "dont pay this",
    "we don't need this any more",
    "hold on",
    "Stop!",
    "wrong link",
    "Sorry, wrong account",
    "that's the wrong Look",
    "oops, this was the wrong month",
    "I pasted the wrong link",
    "posted by mistake",
    "false alarm",
    "withdrawn",
    "cancelled",
    "please delete this",
    "scratch that",
    "Actually, please ignore this",
    "EDIT: ignore this",
    "_Edit - wrong link_",
]
OTHERS = [
    "",
    "is this approved?",
    "looking at it",
    "$812.40 was the last one",
    "~Approved, $812.40~",
    "Sorry, wrong thread",
    "approved in 2025",
    "The fraud cost is $7,526.30",
    "The carrier rejected 40% of these messages",
    "Refused by Telkomsel, error 30003",
    "Their credit card expired",
    "Fraud Guard was not enabled, cost $500",
    "It has not been credited yet",
    "This was never credited before",
    "please ignore the spike on Dec 3",
    "it is being processed",
    "Rejected messages are included",
    "Denied traffic was $5",
    "Duplicate traffic found",
    "The duplicate rows are fine",
    "There is no credit in the table",
    "On hold with the carrier",
    "No, the other Look",
    "They issued a refund request",
    "any update?",
    "ok, I see $7,526.30 in the Look",
    "Credit card fraud, $500",
    ":white_check_mark: checked, the cost is $7,526.30",
    "Processed by the carrier, cost $7,526.30",
    "looks odd",
    "approved vendors only",
    "The approved one",
    "Don't forget the second account",
    "don't worry",
    "Wait times are long",
    "I was waiting for the export",
    "It stopped on Dec 8",
    "We had the wrong setting",
]
TAKEN_BACK_LATER = [
    "Credit for AC1, please. Please ignore this, wrong account",
    "please credit <https://acme.looker.com/looks/5>\nEDIT: ignore this, wrong link",
    "please credit <https://acme.looker.com/looks/5> - wait, I have to check",
    "AC1 please! Don't credit it before Monday",
    "AC1: <https://acme.looker.com/looks/5> please ignore",
    "AC1: <https://acme.looker.com/looks/5|Look 5> wrong link",
    "AC1 please (wait for Lee)",
    "AC1 please, wrong link",
    "Update: ignore this",
]
NOT_TAKEN_BACK = [
    "please credit <https://acme.looker.com/looks/5|wrong link>",
    "AC1 was pumped in December, credit please. Don't hesitate to ask.",
    "We can't wait for this; they stopped paying",
    "Please ignore the spike on Dec 3. It was our own test",
    "&gt; please ignore this\nCredit for AC1, please",
    "~Please ignore this~ Credit for AC1, please",
    "They do not want to wait",
    "AC1, account of Acme: they did not stop it, but we did",
    "<https://acme.looker.com/looks/5> was pumped, and nobody has to wait for it",
]


@pytest.mark.parametrize("text", ANSWERS)
def test_a_person_answers_in_many_words(text: str) -> None:
    """Whoever they greet, mention or quote, and however it is written."""
    assert Reading.ANSWER is read_answer(text)


@pytest.mark.parametrize("text", DOUBTS)
def test_an_approval_with_an_amount_that_may_be_none_is_doubtful(text: str) -> None:
    """A person decides about it."""
    expected = Reading.ANSWER if "credited $4" in text else Reading.DOUBT
    assert expected is read_answer(text)


@pytest.mark.parametrize("text", [*REFUSALS, *WITHDRAWALS])
def test_a_persons_no_is_a_refusal(text: str) -> None:
    """However politely it is said."""
    assert Reading.REFUSAL is read_answer(text)


@pytest.mark.parametrize("text", [*WITHDRAWALS, *TAKEN_BACK_LATER])
def test_who_asked_may_take_the_request_back(text: str) -> None:
    """In a reply, or in the message itself, in any of its sentences."""
    assert Reading.REFUSAL is read_answer(text, by_asker=True)
    assert takes_back(text)


@pytest.mark.parametrize("text", NOT_TAKEN_BACK)
def test_a_request_that_mentions_such_words_is_not_taken_back(text: str) -> None:
    assert not takes_back(text)
    assert Reading.OTHER is read_answer(text, by_asker=True)


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("Approved, $4,948.80, exceptions", ["4948.80"]),
        ("Approved, $1,000, exceptions", ["1000"]),
        ("Approved, 500 USD.", ["500"]),
        ("approved for USD 500", ["500"]),
        ("Approved, US$812.40", ["812.40"]),
        ("Approved 812.4 dollars", ["812.4"]),
        ("_Approved_, *500$*", ["500"]),
        ("&gt; Approved, $800\nApproved, $500", ["500"]),
        ("~Approved, $800~ Approved, $500", ["500"]),
        ("Approved, $500 + $300", ["300", "500"]),
        ("Approved, $5k", []),
        ("Approved, 812,40 USD", []),
        ("Approved, $1,00", []),
        ("Approved, $500 and $5k", []),
        ("Approved, \u20ac5", []),
        ("Approved", []),
        ("", []),
    ],
)
def test_the_amounts_of_an_answer_are_read(text: str, amounts: list[str]) -> None:
    """None at all if one of them may mean something else."""
    assert {Decimal(amount) for amount in amounts} == amounts_in(text)


@pytest.mark.parametrize("text", OTHERS)
def test_any_other_talk_is_no_answer(text: str) -> None:
    """It names no amount, or grants nothing, or was struck through."""
    assert Reading.OTHER is read_answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "Approved by my manager, $5,000 expected",
        "Approved by my manager, up to $5,000",
        "Approved?? I see $5,000 in the dashboard",
        "Approved amount can't be $5,000, please check",
        "Approved, $5,000 is what the customer asked for",
        "Hi Lee, approved, $5,000",
        "$5,000 approved",
        *(text for text in DOUBTS if not takes_back(text)),
        *OTHERS,
    ],
)
def test_the_asker_talks_about_approvals_without_answering(text: str) -> None:
    """Nobody answers the own request in passing."""
    assert Reading.OTHER is read_answer(text, by_asker=True)


@pytest.mark.parametrize(
    "text",
    [
        "Approved, $812.40, exceptions",
        "*Approved*: $5",
        "<@U1> Approved, US$812.40.",
        ":tada: Approved, USD 5, exception",
    ],
)
def test_the_very_words_of_an_answer_are_doubtful_by_the_asker(text: str) -> None:
    """Nobody answers the own request, but a second answer below this one may be paid as well."""
    assert Reading.DOUBT is read_answer(text, by_asker=True)
    assert is_exact_answer(text)


@pytest.mark.parametrize(("length", "exact"), [(1_000, True), (1_001, False)])
def test_the_very_words_of_an_answer_are_a_thousand_characters_at_most(length: int, exact: bool) -> None:
    assert exact == is_exact_answer("Approved, $5".ljust(length, "!"))


marks = st.sampled_from(["", "<@U1> ", "<@U1>, ", "<!channel> ", "&gt; please\n", ":ok: ", "\u2705 "])
greetings = st.sampled_from(["", "Hi Dana, ", "Hello! ", "Thanks! ", "ok - ", "Hey <@U1>: "])
styles = st.sampled_from(["{}", "*{}*", "_{}_", "`{}`"])
sentences = st.sampled_from(["Approved, {}", "approved: {}", "Credit approved, {}", "{} approved", "Done, credited {}"])
amounts = st.sampled_from(["$812.40", "US$5", "$4,948.80", "812.40 USD", "USD 5"])
endings = st.sampled_from(["", ", exceptions", ".", "\nRegards, Lee", " <https://acme.looker.com/looks/5>", " :tada:"])


answers = st.tuples(
    marks,
    greetings,
    st.builds(lambda style, said, usd: style.format(said.format(usd)), styles, sentences, amounts),
    endings,
)


@given(answers.map("".join))
def test_an_answer_is_one_in_any_wrapping(text: str) -> None:
    """Each part is one that people use, in any combination."""
    assert Reading.ANSWER is read_answer(text)


@given(st.text(st.sampled_from("approved $5,0.?!<>@&;~*_:\n\t ") | st.characters(), max_size=60), st.booleans())
def test_any_text_can_be_read(text: str, by_asker: bool) -> None:
    """Whatever it holds."""
    assert read_answer(text, by_asker=by_asker) in Reading
    assert all(amount >= 0 for amount in amounts_in(text))


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["~", "<", ":", "&gt;", " ", "approved ", "1", "approved $1", "hi ", "*", "-", "\n> "])
@pytest.mark.parametrize("prefix", ["", "Approved, $1", "hi "])
def test_hostile_replies_take_little_time(prefix: str, unit: str) -> None:
    """Slack's longest message has 40,000 characters."""
    assert_linear(lambda size: read_answer(prefix + unit * (size // len(unit))), 20_000)
    assert_linear(lambda size: amounts_in(prefix + unit * (size // len(unit))), 20_000)
