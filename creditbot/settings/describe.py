"""Writes .env.example, docs/settings.md, the README's table and the chart's schema from `Settings`: all say the same.

`make settings` (`python -m creditbot.settings.describe`) rewrites the four files in the working directory; a test
compares them with the code. What a setting means is said once, as the description of its field.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from creditbot.settings.schema import ADDRESS, environment_schema, settings_schema
from creditbot.settings.settings import Settings

EXAMPLE, PAGE, README = Path(".env.example"), Path("docs/settings.md"), Path("README.md")
VALUES_SCHEMA = Path("k8s/chart/values.schema.json")

BEGIN, END = "<!-- settings: `make settings` writes this table -->\n\n", "\n<!-- end of settings -->\n"
"""What stands around the table in the README."""

SECTIONS = {
    "What is needed": (
        "SLACK_BOT_TOKEN", "SLACK_USER_ID", "SLACK_TEST_CHANNEL", "LOOKER_BASE_URL", "LOOKER_CLIENT_ID",
        "LOOKER_CLIENT_SECRET", "NOTEBOOK_PATH",
    ),
    "What is read": (
        "SLACK_CHANNELS", "CHANNELS_FILE", "REQUESTERS", "ALLOWED_BOTS", "PREVIOUS_BOTS", "LOOKBACK_HOURS",
        "ALLOW_SQL_RUNNER", "SLACK_APP_TOKEN", "POLL_SECONDS",
    ),
    "How the credit is computed": (
        "PSMS_NOTEBOOK_PATH", "PRODUCTS_FILE", "WAREHOUSE_URL", "SQL_DIALECT", "SQL_TABLES", "WORKERS",
        "NOTEBOOK_TIMEOUT", "NOTEBOOK_ENV", "KEEP_NOTEBOOKS", "RUNNER", "RUNS_NAMESPACE", "QUEUE",
    ),
    "What is answered": (
        "MAX_CREDIT_USD", "POLICY_FILE", "APPROVERS", "APPROVAL_CHANNEL", "DUPLICATE_DAYS", "REPLY_TEMPLATE",
        "EVIDENCE", "STATUS_REACTIONS", "SHADOW", "MAX_ATTEMPTS", "POST_SETTLE_SECONDS",
    ),
    "Where things are kept": (
        "STATE_URI", "OUTPUT_URI", "EVIDENCE_URL", "FILES_READABLE_BY", "DIGEST", "LOG_FILE", "LOG_FORMAT",
        "LOG_LEVEL",
    ),
    "What is measured": ("METRICS_FILE", "METRICS_PORT", "PUSHGATEWAY_URL"),
    "Where Slack is": ("SLACK_API_URL", "HTTP_HOSTS"),
}  # fmt: skip
"""The sections of .env.example and docs/settings.md. In .env.example the first one is filled in with examples, and the
others are commented out."""

COMMON = ("SLACK_CHANNELS", "PSMS_NOTEBOOK_PATH", "WAREHOUSE_URL", "MAX_CREDIT_USD", "OUTPUT_URI")
"""What the README lists besides the first section."""

_HEAD = """\
# Copy this file to .env and fill in the first section. Everything below it has a default.
# Write paths without quotes, even with spaces in them. " #" starts a comment, so write channel names without "#".
"""
_RULE_WIDTH = 118
_PAGE_HEAD = """\
# Settings

creditbot reads settings from the environment, from `.env` in the working directory, and from files in
`/run/secrets/creditbot`, in this order; the first value counts. [.env.example](../.env.example) is a template. Separate
the items of a list by commas or spaces. `make settings` writes this page from the code.
"""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """The description of a setting for people.

    Attributes:
        name: of the environment variable.
        default: as it is written; "" for none.
        meaning: in Markdown, ends with a full stop.
        required: whether it must be set.
        example: a value to start from, "" for none.
    """

    name: str
    default: str
    meaning: str
    required: bool
    example: str = ""


def table() -> tuple[SettingRow, ...]:
    """Every setting, in the order of the class."""
    return tuple(
        SettingRow(
            name.upper(),
            _written(field.default),
            field.description or "",
            field.is_required(),
            str(next(iter(field.examples or ()), "")),
        )
        for name, field in Settings.model_fields.items()
    )


def _written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return str(default) if isinstance(default, (str, int)) else ""


def env_example() -> str:
    """The text of .env.example."""
    rows = {row.name: row for row in table()}
    text = _HEAD
    for title, names in SECTIONS.items():
        text += f"\n{f'# --- {title} ':-<{_RULE_WIDTH}}\n\n"
        text += "".join(_example_lines(rows[name]) for name in names)
    return text


def _example_lines(row: SettingRow) -> str:
    assignment = f"{row.name}={row.example}" if row.example else f"# {row.name}={row.default}"
    return f"# {row.meaning.replace('`', '')}\n{assignment}\n"


def page() -> str:
    """The text of docs/settings.md: every setting, a table for each section."""
    return _PAGE_HEAD + "".join(f"\n## {title}\n\n{_markdown(names)}" for title, names in SECTIONS.items())


def readme_table() -> str:
    """The table of the README, in Markdown: what is needed, and what most deployments set."""
    return _markdown((*SECTIONS["What is needed"], *COMMON))


def _markdown(names: Sequence[str]) -> str:
    rows = {row.name: row for row in table()}
    lines = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for row in map(rows.__getitem__, names):
        default = "*required*" if row.required else f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.name}` | {default} | {row.meaning} |")
    return "\n".join(lines) + "\n"


def with_table(readme: str) -> str:
    """The README with the table of today between its marks. ValueError if it has none."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("README.md has no marks around its table of settings")
    return f"{before}{BEGIN}{readme_table()}{END}{after}"


def with_settings(values_schema: str) -> str:
    """The schema of the chart's values, as JSON, with settings and variables as of today; the rest stays."""
    schema = json.loads(values_schema)
    schema["properties"] |= {"settings": settings_schema(), "environment": environment_schema()}
    schema["properties"]["monitoring"]["properties"]["pushgateway"]["properties"]["url"] = ADDRESS
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    """Rewrites the four files in the working directory."""
    EXAMPLE.write_text(env_example(), encoding="utf-8")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    VALUES_SCHEMA.write_text(with_settings(VALUES_SCHEMA.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
