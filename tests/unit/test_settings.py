"""The settings."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.errors import SettingsError
from creditbot.settings.settings import ConfigMapPlace, FilePlace, Settings, raw, table
from creditbot.settings.types import passwords, state_place

NEEDED = {
    "SLACK_BOT_TOKEN": "xoxb-test-not-a-secret",
    "SLACK_USER_ID": "U0OWNER",
    "SLACK_TEST_CHANNEL": "credits",
    "LOOKER_BASE_URL": "https://acme.looker.com",
    "LOOKER_CLIENT_ID": "made-up-id",
    "LOOKER_CLIENT_SECRET": "made-up-client-secret",
    "NOTEBOOK_PATH": "notebooks/verify.ipynb",
}
EXAMPLE = Path(__file__).parents[2] / ".env.example"


def load(**more: str) -> Settings:
    """What is needed, and more."""
    return Settings.load({**NEEDED, **more}, None)


def complaint(**more: str) -> SettingsError:
    """The error that these settings give."""
    with pytest.raises(SettingsError) as caught:
        load(**more)
    return caught.value


def test_what_is_needed_is_enough() -> None:
    """Everything else has the default of the README's table."""
    settings = load()
    assert ("credits",) == settings.channels
    assert "https://slack.com/api/" == settings.slack_api_url
    assert FilePlace(Path("data/processed_messages.json")) == settings.state
    assert "Approved, {amount}, exceptions" == settings.reply_template
    assert (35, 72, 600, 3, 900) == (
        settings.duplicate_days, settings.lookback_hours, settings.notebook_timeout, settings.max_attempts,
        settings.post_settle_seconds,
    )  # fmt: skip
    assert (None, None, None) == (settings.workers, settings.notebook_env, settings.max_credit_usd)
    assert Path("logs/credit_bot.log") == settings.log_path
    assert () == settings.plain_http


def test_everything_wrong_is_named_at_once() -> None:
    """One error, one line a setting, no value repeated."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({"SLACK_BOT_TOKEN": "hunter2-hunter2", "WORKERS": "many", "LOG_FORMAT": "xml"}, None)
    names = {
        "SLACK_BOT_TOKEN", "SLACK_USER_ID", "SLACK_CHANNELS", "LOOKER_BASE_URL", "LOOKER_CLIENT_ID",
        "LOOKER_CLIENT_SECRET", "NOTEBOOK_PATH", "WORKERS", "LOG_FORMAT",
    }  # fmt: skip
    lines = caught.value.todo.splitlines()[1:]
    assert names == {line.split(":")[0].strip() for line in lines}
    assert all(line.endswith(".") for line in lines)
    assert all(name in caught.value.what for name in names)
    assert "hunter2" not in f"{caught.value}"
    assert 2 == caught.value.exit_code
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-made-up-user-token"),
        ("SLACK_BOT_TOKEN", "xoxb-made up"),
        ("SLACK_USER_ID", "someone"),
        ("SLACK_API_URL", "slack.com/api"),
        ("LOOKER_BASE_URL", "acme.looker.com"),
        ("LOOKER_BASE_URL", "ftp://acme.looker.com"),
        ("LOOKER_BASE_URL", "https://user:made-up-password@acme.looker.com"),
        ("LOOKER_BASE_URL", "https://acme.looker.com:made-up-password"),
        ("LOOKER_BASE_URL", "https://[made-up-password"),
        ("LOOKER_BASE_URL", "https://acme.looker.com/?q=made-up-password"),
        ("LOOKER_BASE_URL", "http://acme.looker.com"),
        ("STATE_URI", "s3://bucket/state.json"),
        ("OUTPUT_URI", "ftp://made-up-password@host/x"),
        ("MAX_CREDIT_USD", "0"),
        ("MAX_CREDIT_USD", "NaN"),
        ("MAX_CREDIT_USD", "Infinity"),
        ("WORKERS", "0"),
        ("POST_SETTLE_SECONDS", "119"),
        ("NOTEBOOK_TIMEOUT", "ten"),
        ("MAX_ATTEMPTS", "0"),
        ("LOOKBACK_HOURS", "0"),
        ("DUPLICATE_DAYS", "-1"),
        ("REQUESTERS", "U0ONE, somebody"),
        ("ALLOWED_BOTS", "U0ONE"),
        ("PREVIOUS_BOTS", "A0ONE"),
        ("ALLOW_SQL_RUNNER", "perhaps"),
        ("KEEP_NOTEBOOKS", "some"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("REPLY_TEMPLATE", "Approved"),
        ("REPLY_TEMPLATE", "{amount} {name}"),
        ("REPLY_TEMPLATE", "{amount:.0f}"),
        ("REPLY_TEMPLATE", "{amount!r}"),
        ("REPLY_TEMPLATE", "{amount.real}"),
        ("REPLY_TEMPLATE", "{amount} {"),
        ("REPLY_TEMPLATE", "{}"),
        ("REPLY_TEMPLATE", "{{amount}}"),
        ("REPLY_TEMPLATE", "{{note}} {amount}"),
        ("REPLY_TEMPLATE", "{ {amount}"),
        ("REPLY_TEMPLATE", "{amount} }"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    """And it alone; what was written, which may be a secret in the wrong place, is not repeated."""
    error = complaint(**{name: value})
    assert f"Settings are missing or malformed: {name}." == error.what
    assert "made-up-password" not in f"{error}"


@given(
    name=st.sampled_from(["LOOKER_BASE_URL", "SLACK_API_URL", "STATE_URI", "REPLY_TEMPLATE", "WAREHOUSE_URL"]),
    value=st.text(min_size=1),
)
def test_no_value_crashes(name: str, value: str) -> None:
    """Whatever is written: settings, or the one error."""
    with suppress(SettingsError):
        assert load(**{name: value}).secrets


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://acme.looker.com/", "https://acme.looker.com"),
        ("https://acme.looker.com/api", "https://acme.looker.com"),
        ("https://acme.looker.com:19999/api/4.0/", "https://acme.looker.com:19999"),
        ("http://127.0.0.1:4567", "http://127.0.0.1:4567"),
    ],
)
def test_lookers_address_is_normalised(written: str, expected: str) -> None:
    """The SDK wants it without /api and without a trailing slash."""
    assert expected == load(LOOKER_BASE_URL=written).looker_base_url


def test_slacks_address_ends_with_a_slash() -> None:
    """The SDK joins the methods to it."""
    assert "http://localhost:4567/api/" == load(SLACK_API_URL="http://localhost:4567/api").slack_api_url


def test_plain_http_needs_an_exception_and_is_shown() -> None:
    """HTTP_HOSTS allows a host; whoever runs the tick can warn of it."""
    settings = load(SLACK_API_URL="http://sandbox:8080/api/", HTTP_HOSTS="sandbox:8080 other")
    assert ("SLACK_API_URL",) == settings.plain_http
    assert "LOOKER_BASE_URL" in complaint(LOOKER_BASE_URL="http://sandbox:9090", HTTP_HOSTS="sandbox:8080").what


@pytest.mark.parametrize("written", ["a,b", "a, b", "a b", " a ,, b ", "a\tb"])
def test_lists_are_separated_by_commas_or_spaces(written: str) -> None:
    """In any mixture."""
    assert ("a", "b") == load(SLACK_CHANNELS=written).channels


def test_slack_channels_replace_the_test_channel() -> None:
    """Either is enough, and SLACK_CHANNELS is the stronger."""
    assert ("one", "two") == load(SLACK_CHANNELS="one,two").channels
    assert ("one",) == load(SLACK_CHANNELS="one", SLACK_TEST_CHANNEL="").channels
    assert "SLACK_TEST_CHANNEL" in complaint(SLACK_TEST_CHANNEL=" ").todo


def test_other_values_are_typed() -> None:
    """Numbers, switches, amounts, places."""
    settings = load(
        ALLOW_SQL_RUNNER="true", MAX_CREDIT_USD="10000.50", WORKERS="3", LOG_FILE="-", NOTEBOOK_ENV="A B",
        OUTPUT_URI="s3://bucket/credits", REPLY_TEMPLATE="Credit: {amount}",
        STATE_URI="configmap://credit/creditbot-state", REQUESTERS="U0ONE W0TWO", ALLOWED_BOTS="B0ONE",
    )  # fmt: skip
    assert settings.allow_sql_runner
    assert Decimal("10000.50") == settings.max_credit_usd
    assert 3 == settings.workers
    assert settings.log_path is None
    assert ("A", "B") == settings.notebook_env
    assert ConfigMapPlace("credit", "creditbot-state") == settings.state
    assert ("s3://bucket/credits", "Credit: {amount}") == (settings.output_uri, settings.reply_template)
    assert ("U0ONE", "W0TWO") == settings.requesters


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:data/x.json", "data/x.json"), ("file:/data/x.json", "/data/x.json"),
        ("file:///data/x.json", "/data/x.json"), ("file:my data/x.json", "my data/x.json"),
    ],
)  # fmt: skip
def test_the_state_may_be_a_file(uri: str, path: str) -> None:
    """Relative, absolute, or as a full URL."""
    assert FilePlace(Path(path)) == state_place(uri)


@pytest.mark.parametrize(
    "uri", ["", "data/x.json", "file:", "file://host/x", "configmap://ns", "configmap://ns/", "configmap://NS/name"]
)
def test_no_other_place_holds_the_state(uri: str) -> None:
    """A typing error must not become an empty state somewhere else."""
    with pytest.raises(ValueError, match="configmap://NAMESPACE/NAME"):
        state_place(uri)


def test_secrets_are_hidden_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Printing the settings shows none; logs are told what to blot out."""
    settings = load(WAREHOUSE_URL="trino://bot:made%2Dup-password@warehouse:443/sms")
    print(settings)
    expected = ("xoxb-test-not-a-secret", "made-up-client-secret", "made%2Dup-password", "made-up-password")
    assert expected == settings.secrets
    assert not any(secret in capsys.readouterr().out for secret in expected)
    assert ("db://[none", "db://[none") == passwords("db://[none")


def test_settings_cannot_be_changed() -> None:
    """What a tick began with holds to its end."""
    with pytest.raises(ValueError, match="frozen"):
        load().slack_user_id = "U0OTHER"


PROTOTYPE = """\
# the prototype's own file
export SLACK_BOT_TOKEN="xoxb-test-not-a-secret"
SLACK_USER_ID = 'W0OWNER'
SLACK_TEST_CHANNEL=#credits
LOOKER_BASE_URL=https://acme.looker.com
LOOKER_CLIENT_ID=made-up-id
LOOKER_CLIENT_SECRET='made#up secret'
NOTEBOOK_PATH=/home/me/My Notebooks/Verify Credit (v2).ipynb   # the current one
CHECK_INTERVAL=60
OUTPUT_DIR=outputs
PSMS_NOTEBOOK_PATH=
"""


@pytest.mark.parametrize(("bom", "newline"), [("", "\n"), ("\ufeff", "\r\n")])
def test_a_prototypes_env_file_works_unchanged(tmp_path: Path, bom: str, newline: str) -> None:
    """Unquoted paths with spaces and a comment, quotes, export, names we do not know, empty values, Windows files."""
    file = tmp_path / ".env"
    file.write_bytes((bom + PROTOTYPE.replace("\n", newline)).encode())
    settings = Settings.load({}, file, tmp_path / "none")
    assert Path("/home/me/My Notebooks/Verify Credit (v2).ipynb") == settings.notebook_path
    assert "made#up secret" == settings.looker_client_secret.get_secret_value()
    assert ("W0OWNER", ("#credits",)) == (settings.slack_user_id, settings.channels)
    assert settings.psms_notebook_path is None
    assert "xoxb-test-not-a-secret" == raw("SLACK_BOT_TOKEN", file)


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    """And the file is stronger than a mounted Secret."""
    (tmp_path / ".env").write_text("SLACK_USER_ID=U0FILE\nLOOKER_CLIENT_ID=of-the-file\n")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in {**NEEDED, "LOOKER_CLIENT_ID": "of-the-secret"}.items():
        (secrets / name).write_text(f"{value}\n")
    settings = Settings.load({"SLACK_USER_ID": "U0ENV"}, tmp_path / ".env", secrets)
    assert ("U0ENV", "of-the-file") == (settings.slack_user_id, settings.looker_client_id)
    assert "xoxb-test-not-a-secret" == settings.slack_bot_token.get_secret_value()


def test_a_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    """No traceback for a file in another encoding."""
    (tmp_path / ".env").write_bytes(b"LOOKER_CLIENT_ID=\xff\xfe\n")
    with pytest.raises(SettingsError, match="it is not UTF-8 text"):
        Settings.load(NEEDED, tmp_path / ".env")


def test_the_home_folder_may_be_written_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As shells do."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / "verify.ipynb" == load(NOTEBOOK_PATH="~/verify.ipynb").notebook_path


def test_the_example_lists_every_setting() -> None:
    """With the table's defaults; what is needed is filled in, the rest is commented out."""
    lines = EXAMPLE.read_text().splitlines()
    found = {m[2]: (m[1], m[3]) for line in lines if (m := re.fullmatch(r"(# )?([A-Z_]+)=(.*)", line))}
    rows = {row.name: row for row in table()}
    assert rows.keys() == found.keys()
    commented = {name: value for name, (mark, value) in found.items() if mark}
    assert {name: rows[name].default for name in commented} == commented
    assert {row.name for row in table() if row.required} | {"SLACK_TEST_CHANNEL"} == found.keys() - commented.keys()


def test_the_example_can_be_read(tmp_path: Path) -> None:
    """Copied as it is, it is well formed."""
    file = tmp_path / ".env"
    file.write_text(EXAMPLE.read_text())
    assert Path("notebooks/verify_credit.ipynb") == Settings.load({}, file, tmp_path / "none").notebook_path


def test_every_setting_is_explained() -> None:
    """The README shows these sentences."""
    assert all(row.meaning.endswith(".") for row in table())
