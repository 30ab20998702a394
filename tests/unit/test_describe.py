"""What people read of a setting is the same in the code, in .env.example, in docs/settings.md and in the README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from creditbot.errors import SettingsError
from creditbot.settings import describe
from creditbot.settings.describe import (
    COMMON,
    SECTIONS,
    VALUES_SCHEMA,
    env_example,
    page,
    readme_table,
    table,
    with_settings,
    with_table,
)
from creditbot.settings.schema import environment_schema, settings_schema
from creditbot.settings.settings import Settings
from creditbot.text.known_secrets import passwords_in

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_file_is_up_to_date() -> None:
    assert env_example() == (ROOT / ".env.example").read_text(encoding="utf-8"), "run `make settings`"


def test_the_readmes_table_is_up_to_date() -> None:
    assert with_table(README) == README, "run `make settings`"


def test_the_page_of_settings_is_up_to_date() -> None:
    assert page() == (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), "run `make settings`"


def test_the_schema_of_the_charts_values_is_up_to_date() -> None:
    text = (ROOT / VALUES_SCHEMA).read_text(encoding="utf-8")
    assert with_settings(text) == text, "run `make settings`"


def test_the_schema_knows_every_setting_that_is_no_secret() -> None:
    """The chart says where the state is. A login in an address is a secret, and the address is not."""
    tokens = {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "LOOKER_CLIENT_SECRET"}
    assert {row.name for row in table()} - tokens - {"STATE_URI"} == settings_schema()["properties"].keys()


NEEDED = {"SLACK_USER_ID": "U0OWNER", "LOOKER_BASE_URL": "https://acme.looker.com", "NOTEBOOK_PATH": "verify.ipynb"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("MAX_CREDIT_USD", [1000, "1000.50"], [0, 1000.5, "much", True]),
        ("WORKERS", [1, "64"], [0, 65, "two", True]),
        ("SHADOW", [True, "false"], [1, "perhaps"]),
        ("LOG_FORMAT", ["json"], ["JSON", None]),
        ("SLACK_CHANNELS", ["one, two", ["one", "two"]], [1, [1]]),
        ("RUNS_NAMESPACE", ["payments-runs"], ["Payments", "a/b"]),
        ("WAREHOUSE_URL", ["bigquery://project/data", "trino://me@host:8443/x"], ["trino://me:made-up@host/x", ""]),
    ],
)
def test_the_schema_takes_what_the_settings_take(name: str, good: list[Any], bad: list[Any]) -> None:
    """As it is written in YAML. An amount that YAML reads as a float may not be the amount that was written."""
    schema = jsonschema.Draft7Validator(settings_schema())
    assert [] == [value for value in good if not schema.is_valid({**NEEDED, name: value})]
    assert [] == [value for value in bad if schema.is_valid({**NEEDED, name: value})]


ADDRESSES = [
    "trino://me@host:8443/x",
    "bigquery://project/data",
    "duckdb:////data/sandbox.duckdb",
    "postgresql://me@host/db?sslmode=require&connect_timeout=3",
    "https://push.example.com/metrics/job/credit",
    "trino://me:made-up@host/x",
    "trino://me:made/up@host/x",
    "postgresql://host/db?user=me&password=made-up",
    "snowflake://me@account/db?warehouse=W&TOKEN=made-up",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BUID%3Dme%3BPWD%3Dmade-up",
    "redshift+x://host/db?private_key=made-up",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("name", ["WAREHOUSE_URL", "PUSHGATEWAY_URL"])
def test_an_address_with_a_password_is_no_value_of_the_chart(name: str, address: str) -> None:
    """Wherever the password is: in the login, in the query, or in a connection string within it."""
    schema = jsonschema.Draft7Validator(settings_schema())
    assert bool(passwords_in(address)) != schema.is_valid({**NEEDED, name: address})


def test_the_chart_takes_no_password_in_the_pushgateways_address() -> None:
    """It becomes a setting, too."""
    schema = jsonschema.Draft7Validator(json.loads((ROOT / VALUES_SCHEMA).read_text()))
    pushed = [{"monitoring": {"pushgateway": {"url": f"http://{login}push:9091"}}} for login in ("", "me:made-up@")]
    assert [True, False] == [schema.is_valid({"settings": NEEDED, **values}) for values in pushed]


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTPS_PROXY": "http://proxy.example.com:3128", "AWS_REGION": "eu-west-1", "OPENBLAS_NUM_THREADS": 1},
        {"GOOGLE_APPLICATION_CREDENTIALS": "/var/run/key.json", "TOKENIZERS_PARALLELISM": False},
    ],
)
def test_the_chart_takes_variables_that_are_not_settings(variables: dict[str, Any]) -> None:
    """Whatever a library or a notebook reads."""
    jsonschema.Draft7Validator(environment_schema()).validate(variables)


@pytest.mark.parametrize(
    "variables",
    [
        *({row.name: "anything"} for row in table()),
        {"SLACK_TOKEN": "anything"},
        {"LOOKER_CLIENT": "anything"},
        {"DB_PASSWORD": "made-up"},
        {"pg_passwd": 1234},
        {"AWS_SECRET_ACCESS_KEY": "made-up"},
        {"HTTPS_PROXY": "http://me:made-up@proxy.example.com:3128"},
        {"ODBC": "DRIVER=X;UID=me;PWD=made-up"},
        {"A B": "anything"},
        {"MPLBACKEND": ["agg"]},
        {"MPLBACKEND": None},
        {"API_TOKEN": {"of": "made-up"}},
    ],
    ids=str,
)
def test_the_chart_takes_no_setting_and_no_secret_as_a_variable(variables: dict[str, Any]) -> None:
    """A setting is checked among the settings. What would be a secret belongs in the Secret."""
    assert not jsonschema.Draft7Validator(environment_schema()).is_valid(variables)


def test_the_charts_own_values_fit_its_schema() -> None:
    """Together with what only a deployment knows."""
    values = yaml.safe_load((ROOT / "k8s/chart/values.yaml").read_text())
    values["settings"] |= NEEDED
    jsonschema.Draft7Validator(json.loads((ROOT / VALUES_SCHEMA).read_text())).validate(values)


def test_the_page_has_every_setting_once() -> None:
    named = [line.split("`")[1] for line in page().splitlines() if line.startswith("| `")]
    assert sorted(row.name for row in table()) == sorted(named)


def test_the_readme_has_what_is_needed_and_what_is_common() -> None:
    named = [line.split("`")[1] for line in readme_table().splitlines() if line.startswith("| `")]
    assert [*SECTIONS["What is needed"], *COMMON] == named


def test_every_setting_has_a_meaning() -> None:
    assert [] == [row.name for row in table() if not row.meaning.endswith(".")]


def test_every_setting_has_its_section() -> None:
    """Each stands in one of them, once."""
    assert sorted(row.name for row in table()) == sorted(name for names in SECTIONS.values() for name in names)


def test_the_first_section_has_the_required_settings_and_a_channel() -> None:
    """Whoever fills it in is done."""
    first = next(iter(SECTIONS.values()))
    assert {row.name for row in table() if row.required} | {"SLACK_TEST_CHANNEL"} == set(first)


def test_only_the_first_section_is_filled_in() -> None:
    assert {row.name for row in table() if row.example} == set(next(iter(SECTIONS.values())))


def test_a_copy_of_the_example_can_be_loaded_once_it_is_filled_in(tmp_path: Path) -> None:
    """Even the path with a comment after it."""
    file = tmp_path / ".env"
    file.write_text(env_example())
    names = "SLACK_BOT_TOKEN, SLACK_USER_ID, LOOKER_CLIENT_ID, LOOKER_CLIENT_SECRET"
    with pytest.raises(SettingsError, match=f"malformed: {names}"):
        Settings.load({}, file, tmp_path / "none")
    file.write_text(env_example().replace("your-", "made-up-").replace("U0YOURSELF", "U0OWNER"))
    assert Path("notebooks/verify_credit.ipynb") == Settings.load({}, file, tmp_path / "none").notebook_path


def test_the_example_shows_the_defaults() -> None:
    """Whoever removes a comment sign changes nothing."""
    assert "# POST_SETTLE_SECONDS=900\n" in env_example()
    assert "# ALLOW_SQL_RUNNER=false\n" in env_example()


def test_a_required_setting_has_no_default_in_the_table() -> None:
    assert "| `NOTEBOOK_PATH` | *required* | The Verify notebook. |\n" in readme_table()


def test_the_files_are_rewritten_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands around the table in the README stays, and so does the rest of the schema."""
    (tmp_path / "README.md").write_text(f"before\n{describe.BEGIN}an old table\n{describe.END}after\n")
    (tmp_path / VALUES_SCHEMA).parent.mkdir(parents=True)
    values: Any = {"image": {}, "monitoring": {"properties": {"pushgateway": {"properties": {}}}}}
    (tmp_path / VALUES_SCHEMA).write_text(json.dumps({"properties": values}))
    monkeypatch.chdir(tmp_path)
    describe.main()
    expected = f"before\n{describe.BEGIN}{readme_table()}{describe.END}after\n"
    assert expected == (tmp_path / "README.md").read_text()
    assert env_example() == (tmp_path / ".env.example").read_text()
    assert page() == (tmp_path / "docs" / "settings.md").read_text()
    assert ["image", "monitoring", "settings", "environment"] == [
        *json.loads((tmp_path / VALUES_SCHEMA).read_text())["properties"]
    ]


def test_a_readme_without_marks_is_not_touched() -> None:
    with pytest.raises(ValueError, match="has no marks"):
        with_table("| Setting | Default | Meaning |\n")
