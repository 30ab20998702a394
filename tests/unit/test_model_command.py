"""`creditbot model fit` and `creditbot model show` on rows of a backtest that are really in a folder."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from creditbot.adapters.storage.backtests import ObjectBacktests
from creditbot.adapters.storage.models import ObjectModels
from creditbot.cli import main
from creditbot.credit.footprint import Accounts, Flagged, Footprint, Unit, Unknown
from creditbot.credit.footprint_text import footprint_to_json
from creditbot.decide.opinion_model import LabelledCredit, model_bytes, name_for
from creditbot.insight.backtest import BacktestLink, BacktestRow, Outcome, row_to_json
from creditbot.insight.peoples_answers import PeoplesAnswer
from creditbot.model import RequestKey
from tests.support.opinions import made
from tests.support.people import answers, otherwise

pytestmark = pytest.mark.slow


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """OUTPUT_URI of a deployment whose settings are set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "verify.ipynb").write_text("{}")
    settings = {
        "SLACK_BOT_TOKEN": "xoxb-made-up", "SLACK_USER_ID": "U0OWNER", "SLACK_TEST_CHANNEL": "C0CREDITS",
        "LOOKER_BASE_URL": "https://acme.looker.com", "LOOKER_CLIENT_ID": "id", "LOOKER_CLIENT_SECRET": "made-up",
        "NOTEBOOK_PATH": "verify.ipynb", "OUTPUT_URI": "outputs", "STATE_URI": "file:state.json", "LOG_FILE": "log",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "outputs"


def keep(outputs: Path, labels: list[LabelledCredit], *, refused: int = 0) -> None:
    """Rows of a backtest in which people gave these answers, and refused so many requests."""
    store = ObjectBacktests(str(outputs))
    for number, label in enumerate(labels):
        traits, key = label.traits, RequestKey.parse(label.key)
        answer = PeoplesAnswer("U0BOSS", label.at, label.amount, refused=number < refused)
        days, prefixes = traits.days or 1, traits.prefixes or 1
        most, first = max(days, prefixes), date(2026, 1, 1)
        flagged = Flagged(1, traits.fraud_cost / most)
        units = {Unit("AC1", first + timedelta(days=n % days), f"+{n % prefixes}", "max"): flagged for n in range(most)}
        footprint = Footprint(traits.product, Accounts({"account": frozenset({"AC1"})}), Unknown("any day"), units)
        link = BacktestLink(
            "", traits.product, label.amount, traits.fraud_cost, Decimal(str(traits.block_rate)),
            kept=footprint_to_json(footprint),
        )  # fmt: skip
        row = BacktestRow(key, "", "U0DANA", answer, Outcome.COMPUTED, amount=label.amount, links=(link,))
        store.save(key, row_to_json(row))


def test_a_model_is_made_of_what_people_answered(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(outputs, answers(Random(1), 48, psms=0.0), refused=3)
    assert 0 == main(["model", "fit"])
    (name,) = ObjectModels(str(outputs)).names()
    out = capsys.readouterr().out.splitlines()
    assert " from 45 answers of people (45 for verify)." in out[0]
    assert "The first was given on 2026-01-04, the last on 2026-02-17." == out[1]
    assert "Left out: 3 requests refused by a person." == out[2]
    assert out[-2].startswith("Intervals that are meant to hold 90 % held ")
    assert f"The model is in force now: outputs/model/{name}.json" == out[-1]


def test_answers_from_before_a_day_are_left_out(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(outputs, answers(Random(1), 20, psms=0.0))
    assert 0 == main(["model", "fit", "--since", "2026-01-11"])
    out = capsys.readouterr().out
    assert " from 10 answers of people (10 for verify)." in out
    assert "Too few to judge by days, prefixes and block rate: 0 of the 41 answers that it takes for 95 %." in out


def test_without_an_answer_of_a_person_no_model_is_made(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(outputs, answers(Random(1), 2), refused=2)
    assert 1 == main(["model", "fit"])
    assert [] == ObjectModels(str(outputs)).names()
    assert capsys.readouterr().out.splitlines() == [
        "There is nothing to learn from: no label was found.", "Left out: 2 requests refused by a person.",
    ]  # fmt: skip
    assert 1 == main(["model", "show"])
    assert "There is no model." in capsys.readouterr().out


def test_show_counts_by_month_and_says_if_people_answer_otherwise(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People credit a third of what they credited before, from the day after a model was made."""
    labels = answers(Random(2), 90, noise=0.02, psms=0.0)
    model = made(labels[:59], (0.0, 1.0, 0.0, 0.0, 0.0), fitted=labels[58].at + timedelta(hours=1))
    ObjectModels(str(outputs)).add(name_for(model), model_bytes(model))
    ObjectModels(str(outputs)).add("20200101T000000Z-0123456789ab", b"{}")
    keep(outputs, labels[:59] + otherwise(labels[59:], 0.1))
    assert 0 == main(["model", "show"])
    out = capsys.readouterr().out
    assert "The model 20200101T000000Z-0123456789ab cannot be read: it is not a model." in out
    assert f"{name_for(model)}: outputs/model/{name_for(model)}.json" in out
    assert "An amount outside is not held, because `hold` in `[second_opinion]` of POLICY_FILE is not true." in out
    month = next(line.split() for line in out.splitlines() if line.startswith("  2026-03"))
    assert ["0", "0", "0"] == month[3:]
    within, below = int(month[1]), int(month[2])
    assert 31 == within + below
    assert f"The interval held {within} of 31 answers ({within / 31:.1%}); it is meant to hold 95 %." in out
    assert f"In 2026-03, {below} of 31 answers lay outside, where 1.6 are to be expected" in out
