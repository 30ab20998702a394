"""`creditbot history`, `report` and `export` after a tick on the sandbox: they tie to each other."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.office import Office, refusal

pytestmark = pytest.mark.kernels


def test_history_lists_requests_and_the_automation_rate(worked: Office) -> None:
    """Oldest first."""
    lines = worked.run("history").out.splitlines()
    amounts = re.findall(r"(\$[\d,.]+)  \w+ \w+ \(\w+\) +https", "\n".join(lines))
    assert ["$4,948.80", "$2,833.28", "$758.45"] == amounts
    assert lines[-1].startswith(
        "Automation rate 60%: creditbot answered 3 of 5 requests, none of them after an approver"
    )
    assert re.search(r"it took [\d.]+ seconds per request on average; waiting before is not counted\.$", lines[-1])


def test_history_is_of_one_account_or_of_one_person(worked: Office) -> None:
    """However the account is written."""
    out = worked.run("history", "--account", "ac-sandbox-0001").out
    assert "In all $4,948.80 credited for 1 request.\n" in out
    assert 1 == out.count("https://")
    ravi = worked.run("history", "--requester", "U0RAVI").out
    assert "$2,833.28" in ravi
    assert "$4,948.80" not in ravi


def test_history_is_of_some_days(worked: Office) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    none = f"No request was answered, given up or skipped from {tomorrow} on.\n"
    assert worked.run("history", "--from", tomorrow).out.endswith(none)  # what is held is listed all the same
    assert "$4,948.80" in worked.run("history", "--from", "2026-01-01", "--to", tomorrow).out


def test_history_as_json_has_exact_amounts(worked: Office) -> None:
    """And what is known of each link."""
    past = json.loads(worked.run("history", "--json").out, parse_float=Decimal)
    assert 6 == len(past)
    credited = [request for request in past if request["credit"]]
    assert [Decimal("4948.80"), Decimal("2833.28"), Decimal("758.45")] == [each["credit"] for each in credited]
    assert ["AC-sandbox-0001"] == credited[0]["links"][0]["accounts"]
    assert "U0LEE" in {request["answer_by"] for request in past}


def test_people_are_named_where_they_are_listed_and_nowhere_else(worked: Office) -> None:
    """A name that is looked up when it is shown can be erased in Slack; records that last have member ids alone."""
    held = worked.permalink("All accounts of customer 0008")
    listed = {
        "history": "Dana Ortiz (U0DANA)", "export": ",U0DANA,Dana Ortiz,", "holds": "Olu Owner (U0OWNER)",
        f"show {held}": "by Dana Ortiz (U0DANA)", "history --json": '"asked_by_name": "Dana Ortiz"',
    }  # fmt: skip
    for command, shown in listed.items():
        assert shown in worked.run(*command.split()).out, command
    assert 0 == worked.run("report").code
    files = [path for path in worked.folder.rglob("*") if path.is_file() and b"Ortiz" in path.read_bytes()]
    assert [worked.folder / "data/outputs/report/index.html"] == files


def test_a_slack_that_is_down_costs_names_alone(worked: Office) -> None:
    """Finance gets its table all the same, and a sentence on why nobody is named in it."""
    done = worked.run("export", SLACK_API_URL="http://127.0.0.1:9/api/")
    assert 0 == done.code
    assert ",U0DANA,,,," in done.out
    assert done.err.startswith("Some people are shown by their member IDs alone. Slack's users.info failed: ")


def test_history_without_requests_says_so(office: Office) -> None:
    """With the number of days it looked back."""
    done = office.run("history", "--days", "1")
    assert "No request was answered, given up or skipped in the last 1 day.\n" == done.out


def test_a_tick_that_ended_requests_leaves_a_report(worked: Office) -> None:
    """With links to the pages beside it."""
    page = (worked.folder / "data/outputs/report/index.html").read_text("utf-8")
    assert "$8,540.53" in page
    assert 'href="../evidence/' in page
    state = json.loads((worked.folder / "data/processed_messages.json").read_text("utf-8"))
    assert "reported" in state["meta"]


def test_a_report_is_written_where_it_is_asked_for(worked: Office, tmp_path: Path) -> None:
    """Its links to pages need EVIDENCE_URL, because it is not beside them."""
    file = tmp_path / "report.html"
    done = worked.run("report", "--days", "40", "--out", str(file), EVIDENCE_URL="https://evidence.example.com")
    assert f"6 requests of the last 40 days: {file}\n" == done.out
    page = file.read_text("utf-8")
    assert 'href="https://evidence.example.com/evidence/' in page
    assert "A person decides on a request of more than $25,000.00." in page


def test_a_report_is_kept_beside_the_summaries(worked: Office) -> None:
    assert "6 requests of the last 365 days: data/outputs/report/index.html\n" == worked.run("report").out


def test_a_report_that_cannot_be_written_is_a_sentence(worked: Office) -> None:
    done = worked.run("report", "--out", "missing/report.html")
    assert "missing/report.html cannot be written: No such file or directory. Give --out another path." == done.sentence
    assert 2 == done.code


def test_an_export_ties_to_the_history(worked: Office) -> None:
    """A row for each link, and the sum for whoever checks it."""
    month = f"{datetime.now(UTC):%Y-%m}"
    done = worked.run("export")
    assert done.out == worked.run("export", "--month", month).out
    heading, *rows = csv.reader(io.StringIO(done.out))
    amounts = [row[heading.index("amount_usd")] for row in rows]
    assert ["4948.80", "2833.28"] == amounts[:2]
    assert f"4 credits in {month} (UTC), $8,540.53.\n" == done.err
    assert Decimal("8540.53") == sum(map(Decimal, amounts))


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_an_export_goes_to_a_file_in_every_format(worked: Office, tmp_path: Path, form: str) -> None:
    month, file = f"{datetime.now(UTC):%Y-%m}", tmp_path / f"credits.{form}"
    done = worked.run("export", "--month", month, "--format", form, "--out", str(file))
    assert f"4 credits in {month} (UTC), $8,540.53: {file}\n" == done.out
    assert file.stat().st_size > 100


def test_a_workbook_is_not_written_to_the_terminal(worked: Office) -> None:
    assert refusal("--format xlsx needs a file. Name it with --out FILE.") == worked.run(
        "export", "--month", "2026-11", "--format", "xlsx"
    )


def test_an_export_of_a_month_that_has_not_begun_is_refused(worked: Office) -> None:
    """An empty table with "$0.00" would look like a month without credits."""
    future = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m}"
    sentence = f"The month {future} has not begun (UTC). Give --month one that has."
    assert refusal(sentence) == worked.run("export", "--month", future)


@pytest.mark.parametrize(
    ("form", "name", "meant"), [("xlsx", "x.csv", "csv"), ("csv", "x.XLSX", "xlsx"), ("parquet", "a/x.xls", "xlsx")]
)
def test_a_file_whose_name_says_another_format_is_refused(
    worked: Office, tmp_path: Path, form: str, name: str, meant: str
) -> None:
    """Nothing is written then; a name without such an ending is as good as any."""
    ending = name[name.index(".") :].lower()
    sentence = f"The name {name} ends in {ending}, but --format is {form}."
    done = worked.run("export", "--format", form, "--out", name)
    assert refusal(f"{sentence} Give --format {meant}, or a name that ends in .{form}.") == done
    assert not (worked.folder / name).exists()
    assert 0 == worked.run("export", "--format", form, "--out", str(tmp_path / "credits.old")).code
