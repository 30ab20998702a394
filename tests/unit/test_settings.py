"""The settings."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import assume, given
from hypothesis import strategies as st

from creditbot.errors import SettingsError
from creditbot.settings.names import misspelt
from creditbot.settings.settings import Settings, StateConfigMap, StateFile, raw, unknown_names
from creditbot.settings.types import state_location
from creditbot.text.known_secrets import without_known_secrets

NEEDED = {
    "SLACK_BOT_TOKEN": "xoxb-test-not-a-secret",
    "SLACK_USER_ID": "U0OWNER",
    "SLACK_TEST_CHANNEL": "credits",
    "LOOKER_BASE_URL": "https://acme.looker.com",
    "LOOKER_CLIENT_ID": "made-up-id",
    "LOOKER_CLIENT_SECRET": "made-up-client-secret",
    "NOTEBOOK_PATH": "notebooks/verify.ipynb",
}


def load(**more: str) -> Settings:
    """The settings that are required, and more."""
    return Settings.load({**NEEDED, **more}, None)


def complaint(**more: str) -> SettingsError:
    """The error that these settings cause."""
    with pytest.raises(SettingsError) as caught:
        load(**more)
    return caught.value


def test_the_required_settings_are_enough() -> None:
    """Everything else has its default."""
    defaults = {
        "slack_api_url": "https://slack.com/api/", "reply_template": "Approved, {amount}, exceptions",
        "duplicate_days": 35, "lookback_hours": 72, "notebook_timeout": 600, "max_attempts": 3,
        "post_settle_seconds": 900, "workers": None, "notebook_env": None, "max_credit_usd": None,
        "channels": ("credits",), "state": StateFile(Path("data/processed_messages.json")),
        "log_path": Path("logs/credit_bot.log"), "plain_http": (),
    }  # fmt: skip
    settings = load()
    assert defaults == {name: getattr(settings, name) for name in defaults}


def everything_wrong() -> SettingsError:
    """The error where some settings are missing and some malformed."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({"SLACK_BOT_TOKEN": "hunter2-hunter2", "WORKERS": "many", "LOG_FORMAT": "xml"}, None)
    return caught.value


def test_all_settings_that_are_wrong_are_named_in_one_error() -> None:
    """In the first line, and again in a line for each that says what it is for."""
    error = everything_wrong()
    names = [
        "SLACK_BOT_TOKEN", "SLACK_USER_ID", "SLACK_CHANNELS", "LOOKER_BASE_URL", "LOOKER_CLIENT_ID",
        "LOOKER_CLIENT_SECRET", "NOTEBOOK_PATH", "WORKERS", "LOG_FORMAT",
    ]  # fmt: skip
    assert f"Settings are missing or malformed: {', '.join(names)}." == error.what
    lines = error.todo.splitlines()[1:]
    assert names == [line.split(":")[0].strip() for line in lines]
    assert all(line.endswith(".") for line in lines)


def test_an_error_about_settings_holds_no_value() -> None:
    """Neither in its text nor in the errors that caused it: a value may be a secret."""
    error = everything_wrong()
    assert "hunter2" not in str(error)
    assert error.__cause__ is None


def test_wrong_settings_end_a_command_with_exit_code_2() -> None:
    assert 2 == everything_wrong().exit_code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-not-a-secret"),
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
def test_a_malformed_setting_is_the_only_one_named(name: str, value: str) -> None:
    """What was written is not repeated: it may be a secret in the wrong place."""
    error = complaint(**{name: value})
    assert f"Settings are missing or malformed: {name}." == error.what
    assert "made-up-password" not in f"{error}"


@given(
    name=st.sampled_from(["LOOKER_BASE_URL", "SLACK_API_URL", "STATE_URI", "REPLY_TEMPLATE", "WAREHOUSE_URL"]),
    value=st.text(min_size=1),
)
def test_no_value_causes_any_other_error(name: str, value: str) -> None:
    """Any text gives settings or a SettingsError."""
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
def test_the_address_of_looker_loses_its_api_path(written: str, expected: str) -> None:
    """The SDK wants it without /api and without a trailing slash."""
    assert expected == load(LOOKER_BASE_URL=written).looker_base_url


def test_the_address_of_slack_ends_with_a_slash() -> None:
    """The SDK appends the names of methods to it."""
    assert "http://localhost:4567/api/" == load(SLACK_API_URL="http://localhost:4567/api").slack_api_url


def test_the_digest_goes_to_the_owner_or_to_a_channel_and_is_no_switch() -> None:
    """Somebody who writes `true` would wait for a channel of that name."""
    assert ["", "owner", "credit-reports"] == [load(DIGEST=to).digest for to in ("", "owner", "#credit-reports")]
    assert all("DIGEST" in complaint(DIGEST=switch).what for switch in ("true", "ON", "no", "1"))


@pytest.mark.parametrize("name", ["SLACK_TEST_CHANNEL", "SLACK_CHANNELS", "APPROVAL_CHANNEL", "DIGEST"])
def test_a_channel_has_a_name(name: str) -> None:
    """A "#" alone would ask approvers in no channel, or in direct messages."""
    assert f"{name}: it names no channel" in complaint(**{name: "#"}).todo


def test_names_of_channels_are_as_slack_has_them() -> None:
    """Without "#", in lower case, and an accent is part of its letter; an ID stays as it is."""
    settings = load(SLACK_CHANNELS="#Cre\u0301dits, C0CRED1", APPROVAL_CHANNEL="#Who", SLACK_TEST_CHANNEL="#Test")
    assert (("crédits", "C0CRED1"), "who", "test") == (
        settings.slack_channels, settings.approval_channel, settings.slack_test_channel,
    )  # fmt: skip


def test_plain_http_needs_its_host_in_http_hosts() -> None:
    """`plain_http` names the settings that use it, so that a tick can warn."""
    settings = load(SLACK_API_URL="http://sandbox:8080/api/", HTTP_HOSTS="sandbox:8080 other")
    assert ("SLACK_API_URL",) == settings.plain_http
    assert "LOOKER_BASE_URL" in complaint(LOOKER_BASE_URL="http://sandbox:9090", HTTP_HOSTS="sandbox:8080").what


@pytest.mark.parametrize("written", ["a,b", "a, b", "a b", " a ,, b ", "a\tb"])
def test_the_items_of_a_list_are_separated_by_commas_or_spaces(written: str) -> None:
    """In any mixture."""
    assert ("a", "b") == load(SLACK_CHANNELS=written).channels


def test_slack_channels_replaces_slack_test_channel() -> None:
    """Either of them is enough."""
    assert ("one", "two") == load(SLACK_CHANNELS="one,two").channels
    assert ("one",) == load(SLACK_CHANNELS="one", SLACK_TEST_CHANNEL="").channels
    assert "SLACK_TEST_CHANNEL" in complaint(SLACK_TEST_CHANNEL=" ").todo


def test_values_become_numbers_switches_amounts_and_paths() -> None:
    """No other module parses a setting."""
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
    assert StateConfigMap("credit", "creditbot-state") == settings.state
    assert "s3://bucket/credits" == settings.output_uri
    assert "Credit: {amount}" == settings.reply_template
    assert ("U0ONE", "W0TWO") == settings.requesters


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:data/x.json", "data/x.json"), ("file:/data/x.json", "/data/x.json"),
        ("file:///data/x.json", "/data/x.json"), ("file:my data/x.json", "my data/x.json"),
    ],
)  # fmt: skip
def test_the_state_may_be_in_a_file(uri: str, path: str) -> None:
    """With a relative path, an absolute one, or a full URL."""
    assert StateFile(Path(path)) == state_location(uri)


@pytest.mark.parametrize(
    "uri", ["", "data/x.json", "file:", "file://host/x", "configmap://ns", "configmap://ns/", "configmap://NS/name"]
)
def test_any_other_location_of_the_state_is_refused(uri: str) -> None:
    """A typing error must not become an empty state somewhere else."""
    with pytest.raises(ValueError, match="configmap://NAMESPACE/NAME"):
        state_location(uri)


def test_secrets_are_listed_for_the_log_to_hide() -> None:
    """The password of the warehouse as it was typed and as a driver reads it."""
    settings = load(WAREHOUSE_URL="trino://bot:made%2Dup-password@warehouse:443/sms")
    assert (
        "xoxb-test-not-a-secret",
        "made-up-client-secret",
        "made%2Dup-password",
        "made-up-password",
    ) == settings.secrets


def test_loading_settings_makes_their_secrets_known(tmp_path: Path) -> None:
    """Also the password of the warehouse as a driver reads it, and what `.env` holds for notebooks alone."""
    file = tmp_path / ".env"
    file.write_text("SNOWFLAKE_PASSWORD=made-up/for-notebooks\n")
    Settings.load(NEEDED | {"WAREHOUSE_URL": "trino://bot:made%2Dup/password@warehouse:443/sms"}, file)
    assert "***, ***, ***" == without_known_secrets("xoxb-test-not-a-secret, made-up/password, made-up/for-notebooks")


def test_printed_settings_show_no_secret() -> None:
    settings = load(WAREHOUSE_URL="trino://bot:made%2Dup-password@warehouse:443/sms")
    assert [] == [secret for secret in settings.secrets if secret in str(settings) + repr(settings)]


def test_a_warehouse_url_that_cannot_be_parsed_is_a_secret_as_a_whole() -> None:
    """Its password could be anywhere in it."""
    assert "db://[none" in load(WAREHOUSE_URL="db://[none").secrets


def test_a_warehouse_url_without_a_password_holds_no_secret() -> None:
    assert 2 == len(load(WAREHOUSE_URL="duckdb:////data/warehouse.duckdb").secrets)


def test_settings_cannot_be_changed_after_loading() -> None:
    """They are the same from the start of a tick to its end."""
    with pytest.raises(ValueError, match="frozen"):
        load().slack_user_id = "U0OTHER"


MISSPELT = {
    "MAX_CREDIT": "MAX_CREDIT_USD", "MAX_CREDITS_USD": "MAX_CREDIT_USD", "SLACK_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_CHANNEL": "SLACK_CHANNELS", "DUPLICATE_DAY": "DUPLICATE_DAYS", "REQUESTER": "REQUESTERS",
    "PSMS_NOTEBOOK": "PSMS_NOTEBOOK_PATH", "SQL_TABLE": "SQL_TABLES", "SHADOWS": "SHADOW",
}  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), MISSPELT.items())
def test_a_misspelt_setting_is_an_error_that_names_the_right_one(written: str, meant: str) -> None:
    """A limit that is misspelt would be no limit."""
    error = complaint(**{written: "1"})
    assert f"No such settings: {written}." == error.what
    assert f"{written}: the setting is {meant}" in error.todo


KNOWN = [name.upper() for name in Settings.model_fields]


@given(st.sampled_from(KNOWN), st.integers(0, 20), st.text("AEIO_X", max_size=4))
def test_no_name_that_difflib_finds_near_is_passed_over(setting: str, at: int, inserted: str) -> None:
    """Most names are told apart by their letters alone, without difflib."""
    name = setting[:at] + inserted + setting[at + len(inserted) // 2 :]
    assume(name not in KNOWN and not name.endswith("_PORT"))  # a variable of Kubernetes has such a name
    near = get_close_matches(name, KNOWN, 1, 0.82)
    assert ({name: near[0]} if near else {}) == misspelt([name], KNOWN)


def test_names_in_env_file_and_secret_files_are_checked_as_well(tmp_path: Path) -> None:
    """In these the case does not count."""
    (tmp_path / ".env").write_text("max_credit=100\n")
    (tmp_path / "LOOKER_CLIENT_SECRETS").write_text("made-up")
    with pytest.raises(SettingsError, match="No such settings: LOOKER_CLIENT_SECRETS, MAX_CREDIT"):
        Settings.load(NEEDED, tmp_path / ".env", tmp_path)


OF_OTHERS = (
    "SLACK_SIGNING_SECRET", "SLACK_WEBHOOK_URL", "LOOKERSDK_CLIENT_ID", "LOOKER_SERVICE_HOST", "LOOKER_PORT",
    "SLACK_USER_ID_SERVICE_PORT_HTTPS", "LOOKER_PORT_443_TCP_ADDR", "OUTPUT_DIR", "CHECK_INTERVAL", "LOGLEVEL",
    "HTTP_PROXY", "HTTPS_PROXY", "HTTP_HOST", "PATH", "STATE", "WAREHOUSE", "SNOWFLAKE_ACCOUNT",
)  # fmt: skip


@pytest.mark.parametrize("name", OF_OTHERS)
def test_names_that_other_programs_use_are_no_errors(name: str) -> None:
    """Those of Slack's and Looker's own tools, of Kubernetes' Services, and of prototypes."""
    assert "credits" == load(**{name: "1"}).slack_test_channel


def test_an_empty_variable_is_no_error_whatever_its_name() -> None:
    """It counts as unset, as an empty setting does."""
    assert load(MAX_CREDIT=" ").max_credit_usd is None


def test_unknown_names_for_slack_or_looker_come_with_the_nearest_setting(tmp_path: Path) -> None:
    """`creditbot check` names them; a tick ignores them."""
    environ = {**NEEDED, "LOOKER_URL": "https://acme.looker.com", "SLACK_SIGNING_SECRET": "x", "LOOKER_PORT": "1"}
    assert {"LOOKER_URL": "LOOKER_BASE_URL"} == unknown_names(environ, None, tmp_path)


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_USER_ID", "LOOKER_CLIENT_ID", "LOOKER_CLIENT_SECRET"])
def test_a_value_of_the_example_file_is_refused(name: str) -> None:
    """It would end in an error of Slack or Looker that leads nowhere."""
    values = dotenv_values(Path(__file__).parents[2] / ".env.example")
    error = complaint(**{name: str(values[name])})
    assert f"Settings are missing or malformed: {name}." == error.what
    assert "it still has the value of .env.example" in error.todo


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
def test_the_env_file_of_a_prototype_works_unchanged(tmp_path: Path, bom: str, newline: str) -> None:
    """Unquoted paths with spaces and a comment, quotes, export, unknown names, empty values, files from Windows."""
    file = tmp_path / ".env"
    file.write_bytes((bom + PROTOTYPE.replace("\n", newline)).encode())
    settings = Settings.load({}, file, tmp_path / "none")
    assert Path("/home/me/My Notebooks/Verify Credit (v2).ipynb") == settings.notebook_path
    assert "made#up secret" == settings.looker_client_secret.get_secret_value()
    assert "W0OWNER" == settings.slack_user_id
    assert ("credits",) == settings.channels
    assert settings.psms_notebook_path is None
    assert "xoxb-test-not-a-secret" == raw("SLACK_BOT_TOKEN", file)


def test_the_environment_wins_over_env_file_and_secret_files(tmp_path: Path) -> None:
    """And `.env` wins over a mounted Secret."""
    (tmp_path / ".env").write_text("SLACK_USER_ID=U0FILE\nLOOKER_CLIENT_ID=of-the-file\n")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in {**NEEDED, "LOOKER_CLIENT_ID": "of-the-secret"}.items():
        (secrets / name).write_text(f"{value}\n")
    settings = Settings.load({"SLACK_USER_ID": "U0ENV"}, tmp_path / ".env", secrets)
    assert "U0ENV" == settings.slack_user_id
    assert "of-the-file" == settings.looker_client_id
    assert "xoxb-test-not-a-secret" == settings.slack_bot_token.get_secret_value()


def test_an_env_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """With a sentence instead of a traceback."""
    (tmp_path / ".env").write_bytes(b"LOOKER_CLIENT_ID=\xff\xfe\n")
    with pytest.raises(SettingsError, match="it is not UTF-8 text"):
        Settings.load(NEEDED, tmp_path / ".env")


def test_a_secret_file_that_is_not_text_is_refused_by_its_name(tmp_path: Path) -> None:
    """A file beside it that is no setting may hold anything."""
    (tmp_path / "other.p12").write_bytes(b"\xff\xfe")
    (tmp_path / "LOG_FILE").write_text(" \n")
    assert "logs/credit_bot.log" == Settings.load(NEEDED, None, tmp_path).log_file
    (tmp_path / "looker_client_id").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="looker_client_id cannot be read: it is not UTF-8 text"):
        Settings.load(NEEDED, None, tmp_path)


def test_a_tilde_in_a_path_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / "verify.ipynb" == load(NOTEBOOK_PATH="~/verify.ipynb").notebook_path


@pytest.mark.parametrize(
    "address",
    ["http://gateway:9091", "https://bot:made-up-password@gateway.acme.com/", "https://gateway/metrics/job/credit-bot",
     "http://gateway:9091/prefix/metrics/job/a/namespace/b", "http://bot:made-up-password@127.0.0.1:9091"],
)  # fmt: skip
def test_a_pushgateway_is_an_address_with_or_without_a_group(address: str) -> None:
    """In a cluster it is nearly always plain http, and what it is told is not secret."""
    pushgateway = load(PUSHGATEWAY_URL=address).pushgateway_url
    assert pushgateway
    assert address == pushgateway.get_secret_value()


@pytest.mark.parametrize(
    "address",
    ["gateway:9091", "ftp://gateway", "http://", "http://gateway?a=b", "http://gateway/metrics",
     "http://gateway/metrics/job", "http://gateway/metrics/job/a/namespace", "http://gateway/metrics/job/a/b-c/d"],
)  # fmt: skip
def test_what_cannot_be_a_pushgateway_is_refused(address: str) -> None:
    assert "PUSHGATEWAY_URL" in str(complaint(PUSHGATEWAY_URL=address))


def test_the_login_of_a_pushgateway_does_not_go_over_plain_http() -> None:
    """Unless HTTP_HOSTS says that this is meant; then each tick warns."""
    address = "http://bot:made-up-password@gateway:9091"
    error = complaint(PUSHGATEWAY_URL=address)
    assert "it must use https because it holds a login; add its host to HTTP_HOSTS to allow http" in str(error)
    assert "made-up-password" not in str(error)
    assert ("PUSHGATEWAY_URL",) == load(PUSHGATEWAY_URL=address, HTTP_HOSTS="gateway").plain_http


def test_the_password_of_a_pushgateway_is_never_shown_or_passed_on() -> None:
    settings = load(PUSHGATEWAY_URL="https://bot:made-up-password@gateway")
    assert "at ***" == without_known_secrets("at made-up-password")
    assert "made-up-password" in settings.own_secrets
    assert "made-up-password" not in repr(settings)


@pytest.mark.parametrize("output", ["", "/data/outputs", "file:///data/outputs"])
def test_jobs_need_a_bucket_for_their_results(output: str) -> None:
    """A folder of the bot's pod is not one of theirs."""
    assert "with `job`, OUTPUT_URI must be a bucket" in complaint(RUNNER="job", OUTPUT_URI=output).todo
    assert "job" == load(RUNNER="job", OUTPUT_URI="gs://bucket/creditbot").runner


def test_variables_of_other_runners_are_not_taken_for_a_setting() -> None:
    """GitHub and GitLab set these where they run commands."""
    load(RUNNER_OS="Linux", RUNNER_NAME="one", RUNNER_TEMP="/tmp", CI_RUNNER_ID="1", QUEUE_URL="x", JOB_NAME="x")
