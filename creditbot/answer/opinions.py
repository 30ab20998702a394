"""Asks the newest model what people usually credit for the traffic of a request.

A summary comes in; an `Opinion` goes to `facts`, and a sentence to the summary. The model is read once a tick, by the
first request that needs it, and only if the policy asks for a second opinion. Commands that compute requests without
posting them print the same sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from creditbot.credit.footprint import Unknown
from creditbot.decide.opinion_model import OpinionModel, read_model
from creditbot.decide.policy import OpinionRules
from creditbot.decide.second_opinion import Opinion, opinion_in_words, opinion_on
from creditbot.errors import SUMMARY_STORE, Refused
from creditbot.evidence.summary import is_of
from creditbot.evidence.traits import traits_in
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Models, Ports
from creditbot.state.record import Record


class SecondOpinions:
    """Second opinions in one tick or command. Safe to use from several threads.

    Every method raises what the stores raise, and `Refused` for a model that cannot be read: where a second opinion is
    asked for, nothing may pass because somebody has damaged a file.

    Args:
        rules: whether anybody wants to know, and how many of people's answers count as usual.
        ports: the outside; of these the models and the summaries are read.
        workspace: for the addresses of requests; None if it is not known, and their keys stand for them.
    """

    def __init__(self, rules: OpinionRules, ports: Ports, workspace: Workspace | None) -> None:
        self._rules = rules
        self._ports = ports
        self._workspace = workspace
        self._model: OpinionModel | Unknown | None = None
        self._computed: dict[RequestKey, Mapping[str, Any]] = {}
        self._lock = Lock()

    def of_record(self, key: RequestKey, record: Record) -> Opinion | None:
        """What people usually credit for a computed request; None if nobody can tell, or nobody wants to know."""
        if not self._rules.hold:
            return None
        assert record.result
        summary = self._computed.get(key) or self._ports.summaries.load(key) or {}
        opinion = self._opinion(summary) if is_of(summary, record.result) else None
        return opinion if isinstance(opinion, Opinion) else None

    def sentence(self, key: RequestKey, summary: Mapping[str, Any]) -> str:
        """The same in words, for the summary of what was computed just now; "" if nobody wants to know.

        `of_record` knows this summary from now on, whether it is saved or not.
        """
        if not self._rules.hold:
            return ""
        self._computed[key] = summary
        opinion = self._opinion(summary)
        if isinstance(opinion, Unknown):
            return f"There is none: {opinion.reason}."
        words = opinion_in_words(opinion)
        return f"{words[0].upper()}{words[1:]}."

    def _opinion(self, summary: Mapping[str, Any]) -> Opinion | Unknown:
        with self._lock:
            if self._model is None:
                newest = newest_model(self._ports.models)
                self._model = newest or Unknown("`creditbot model fit` has not made a model yet")
        if isinstance(self._model, Unknown):
            return self._model
        return opinion_on(traits_in(summary), self._model, self._rules, self._address)

    def _address(self, key: str) -> str:
        return self._workspace.address(RequestKey.parse(key)) if self._workspace else key


def newest_model(models: Models) -> OpinionModel | None:
    """The model in force; None if there is none. Raises what the store raises, and `Refused` if it cannot be read."""
    name = next(reversed(models.names()), None)
    if name is None:
        return None
    try:
        return read_model(models.load(name) or b"", name)
    except ValueError as error:
        raise Refused(
            SUMMARY_STORE, f"The model {name} of the second opinion cannot be read: {error}.",
            "Make another one with `creditbot model fit`, or remove it from the folder model in OUTPUT_URI.",
        ) from error  # fmt: skip
