"""The settings as one checked object. `sources` reads them, and `creditbot.bootstrap` makes the bot from them.

From the strongest source to the weakest: the environment, `.env` in the working directory, files of a mounted Secret,
the defaults. An empty value counts as none. Unknown names are ignored, so that a prototype's `.env` works as it is;
but a name that is nearly that of a setting is an error, and so is a value that is still that of `.env.example`.

The description of each field is what people read of the setting: `creditbot.settings.describe` writes it into
.env.example and into the README. Where a setting is needed, its example stands in .env.example.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from creditbot.machine.file_rights import Readers
from creditbot.settings.complaints import malformed, refuse_misspelt
from creditbot.settings.names import unknown
from creditbot.settings.plain_http import http_allowed
from creditbot.settings.sources import SECRETS_DIR, environment, in_env_file, names_in, raw, unreadable, values_in
from creditbot.settings.types import (
    AppToken,
    Bots,
    Channel,
    Channels,
    Digest,
    File,
    Names,
    OutputUri,
    Secret,
    StateConfigMap,
    StateFile,
    StateUri,
    Template,
    Token,
    User,
    Users,
    is_pushgateway,
    state_location,
    url_parts,
)
from creditbot.text.known_secrets import know_secrets, passwords_in, secrets_of

__all__ = ["Settings", "StateConfigMap", "StateFile", "environment", "raw"]

_PLACEHOLDERS = ("slack_bot_token", "slack_user_id", "looker_client_id", "looker_client_secret")
"""Settings whose value in .env.example nobody can have."""


class Settings(BaseModel):
    """Everything a deployment decides. Made by `Settings.load`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, str_strip_whitespace=True)

    slack_bot_token: Token = Field(
        description="Bot User OAuth Token of the Slack app (`xoxb-...`).", examples=["xoxb-your-token"]
    )
    slack_user_id: User = Field(
        description="Member ID of the person who gets the failure messages (`U...` or `W...`).",
        examples=["U0YOURSELF"],
    )
    slack_test_channel: Channel = Field(
        "", description="The channel to watch, by name or by ID.", examples=["credit-requests"]
    )
    channels_file: File | None = Field(
        None,
        description="A TOML file with a section for each channel: its owner, approvers, products and replies. These "
        "channels are watched as well as those of the other settings.",
    )
    slack_channels: Channels = Field(
        (),
        description="Several channels to watch, by name without `#` or by ID; replaces `SLACK_TEST_CHANNEL`.",
        validate_default=True,
    )
    http_hosts: Names = Field((), description="Hosts (`name` or `name:port`) that may be called over plain http.")
    slack_api_url: str = Field("https://slack.com/api/", description="Address of Slack's API.")
    looker_base_url: str = Field(
        description="Address of Looker, such as `https://acme.looker.com`.", examples=["https://acme.looker.com"]
    )
    looker_client_id: str = Field(
        min_length=1, description="Client ID of the Looker API user.", examples=["your-client-id"]
    )
    looker_client_secret: Secret = Field(
        description="Client secret of the Looker API user.", examples=["your-client-secret"]
    )
    notebook_path: File = Field(
        description="The Verify notebook.", examples=["notebooks/verify_credit.ipynb  # the bundled one"]
    )
    psms_notebook_path: File | None = Field(None, description="The PSMS notebook; PSMS is on only if it is set.")
    products_file: File | None = Field(None, description="A product table that replaces the built-in one.")
    warehouse_url: Secret | None = Field(None, description="The warehouse on which the bundled notebooks run the SQL.")
    sql_dialect: str = Field("", description="Dialect of the SQL; by default that of `WAREHOUSE_URL`.")
    sql_tables: Names = Field((), description="Tables that the SQL may read; empty means any.")
    allow_sql_runner: bool = Field(
        default=False, description="Accept SQL Runner links, in which a person can write any number."
    )
    max_credit_usd: Decimal | None = Field(
        None,
        gt=0,
        description="The largest amount that is answered without asking; a person decides on a larger one. If no limit "
        "is set, this is 25,000.",
    )
    policy_file: File | None = Field(None, description="A TOML file with more rules on what a person decides.")
    approvers: Users = Field(
        (), description="Member IDs of those who decide on held amounts; by default the owner, `SLACK_USER_ID`."
    )
    approval_channel: Channel = Field(
        "",
        description="The channel in which they are asked, by name or by ID; by default direct messages to the owner.",
    )
    requesters: Users = Field((), description="Member IDs whose requests count; empty means everybody's.")
    allowed_bots: Bots = Field((), description="Bot IDs whose messages count as requests (workflow forms).")
    previous_bots: Bots = Field((), description="Bot IDs whose replies count as answers.")
    duplicate_days: int = Field(35, ge=0, le=3660, description="Days within which the same SQL is credited only once.")
    state_uri: StateUri = Field(
        "file:data/processed_messages.json", description="The state: `file:PATH` or `configmap://NAMESPACE/NAME`."
    )
    output_uri: OutputUri = Field(
        "data/outputs", description="Where the summaries go: a folder, `s3://`, `gs://` or `abfs://`."
    )
    evidence_url: str = Field(
        "", description="Where people's browsers find `OUTPUT_URI`, for links to the pages of requests."
    )
    files_readable_by: Readers = Field(
        "owner",
        description="Who on this machine may read the files that creditbot writes: `owner`, `group` or `everyone`; a "
        "web server that shows pages may need `group`.",
    )
    lookback_hours: int = Field(
        72,
        ge=1,
        le=8784,
        description="Hours that each tick reads back; also how long a request waits out an outage, and how long a "
        "reply that never shows is posted again.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Notebooks that run at the same time; by default one per core, or 16 with `RUNNER=job`.",
    )
    notebook_timeout: int = Field(600, ge=1, le=86400, description="Seconds that a notebook may take.")
    notebook_env: Names | None = Field(
        None,
        description="Variables that notebooks see besides `PATH`, `HOME`, `LANG`; if unset, all but the bot's own.",
    )
    keep_notebooks: Literal["none", "failed", "all"] = Field(
        "failed", description="Which executed notebooks are kept: `none`, `failed` or `all`."
    )
    runner: Literal["process", "job"] = Field(
        "process",
        description="What each notebook runs in: a `process` beside the bot, or a Kubernetes `job` of its own, which "
        "needs a bucket as `OUTPUT_URI`.",
    )
    runs_namespace: str = Field(
        "creditbot-runs",
        pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        description="The namespace that Jobs of notebooks run in.",
    )
    queue: str = Field(
        "",
        pattern=r"^([a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?)?$",
        description="The queue of Kueue that Jobs of notebooks wait in; empty for none.",
    )
    max_attempts: int = Field(3, ge=1, le=100, description="Ticks that try a request before it is given up.")
    post_settle_seconds: int = Field(
        900,
        ge=120,
        le=86400,
        description="Seconds from the start of a post until Slack shows it to everyone; sending takes at most 60 s.",
    )
    reply_template: Template = Field(
        "Approved, {amount}, exceptions", description="Text of the reply; its only field is `{amount}`."
    )
    evidence: Literal["card", "text"] = Field(
        "card", description="What a reply shows below its text: `card` (traffic, fraud cost, page) or `text` (nothing)."
    )
    status_reactions: bool = Field(
        default=True,
        description="Whether reactions show on a request how far it is: 👀 taken, ✋ waits, ✅ answered, ⚠️ by hand.",
    )
    shadow: bool = Field(
        default=False,
        description="Whether ticks only record what they would say: nothing is posted, nobody is asked, and people "
        "answer as before.",
    )
    digest: Digest = Field(
        "",
        description="Where five lines on each week go on Mondays from 7:00 UTC: `owner`, or a channel by name or by "
        "ID; empty for nowhere.",
    )
    slack_app_token: AppToken | None = Field(
        None,
        description="App-level token of the Slack app (`xapp-...`): with it, `creditbot serve` ticks at each message "
        "and reaction.",
    )
    poll_seconds: int | None = Field(
        None,
        ge=1,
        le=3600,
        description="Seconds between two ticks of `creditbot serve` if nothing happens; by default 15, and 300 while "
        "`SLACK_APP_TOKEN` lets it hear what happens.",
    )
    log_file: str = Field("logs/credit_bot.log", description="The log; `-` is the standard output.")
    log_format: Literal["json", "text"] = Field("text", description="`json` for machines, `text` for people.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The lowest level that is logged."
    )

    metrics_file: File | None = Field(
        None,
        description="A file of metrics, which each tick writes: for node_exporter if its name ends in `.prom`, else in "
        "OpenMetrics.",
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="The port on which `creditbot serve` shows its metrics, at `/metrics`, and answers probes, at "
        "`/healthz` and `/readyz`.",
    )
    pushgateway_url: Secret | None = Field(
        None,
        description="A Prometheus Pushgateway, to which each tick pushes its metrics: `https://HOST`, or "
        "`https://HOST/metrics/job/NAME` for another job than `creditbot`.",
    )

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str] | None = None,
        env_file: str | Path | None = ".env",
        secrets_dir: Path = SECRETS_DIR,
    ) -> Self:
        """Reads all sources. From then on no text that this process shows holds a secret of theirs.

        Raises one `SettingsError` that names everything missing or malformed at once, or all that is misspelt.
        """
        variables = os.environ if environ is None else environ
        try:
            in_file = in_env_file(env_file)
        except (OSError, UnicodeError) as error:
            raise unreadable(env_file, error) from error
        refuse_misspelt(names_in(variables, in_file, secrets_dir), _known_names())
        try:
            settings = cls.model_validate(values_in(cls.model_fields, variables, in_file, secrets_dir))
        except ValidationError as error:
            raise malformed(error, cls.model_fields) from None  # its text may show values
        know_secrets([*settings.secrets, *secrets_of({**in_file, **variables})])
        return settings

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels to watch, by name or id, besides those of CHANNELS_FILE."""
        return self.slack_channels or tuple(filter(None, (self.slack_test_channel,)))

    @property
    def state(self) -> StateFile | StateConfigMap:
        """Where the state is."""
        return state_location(self.state_uri)

    def tick_seconds(self, *, hears: bool) -> int:
        """The longest time between two ticks of `creditbot serve`; `hears` says whether Slack tells what happens."""
        return self.poll_seconds or (300 if hears else 15)

    @property
    def log_path(self) -> Path | None:
        """The log file; None for the standard output."""
        return None if self.log_file == "-" else Path(self.log_file).expanduser()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no log and no message may show. All of WAREHOUSE_URL is one of them if it is not an address."""
        warehouse = self.warehouse_url.get_secret_value() if self.warehouse_url else ""
        hidden = passwords_in(warehouse) or ((warehouse,) if url_parts(warehouse) is None else ())
        return (*self.own_secrets, *hidden)

    @property
    def _pushgateway(self) -> str:
        return self.pushgateway_url.get_secret_value() if self.pushgateway_url else ""

    @property
    def own_secrets(self) -> tuple[str, ...]:
        """Texts that no notebook may see. The warehouse's password is not among them: notebooks need it."""
        bots = (self.slack_bot_token.get_secret_value(), self.looker_client_secret.get_secret_value())
        app_token = (self.slack_app_token.get_secret_value(),) if self.slack_app_token else ()
        return (*bots, *app_token, *passwords_in(self._pushgateway))

    @property
    def plain_http(self) -> tuple[str, ...]:
        """Settings whose address uses http over a network, which HTTP_HOSTS allows; a tick warns of each."""
        addresses = {"SLACK_API_URL": self.slack_api_url, "LOOKER_BASE_URL": self.looker_base_url}
        if passwords_in(self._pushgateway):
            addresses["PUSHGATEWAY_URL"] = self._pushgateway
        return tuple(name for name, address in addresses.items() if not http_allowed(address, ()))

    @field_validator("runner")
    @classmethod
    def _has_a_bucket(cls, value: str, info: ValidationInfo) -> str:
        scheme, is_address, _ = info.data.get("output_uri", "").partition("://")
        if value == "job" and (not is_address or scheme == "file"):
            raise ValueError(
                "with `job`, OUTPUT_URI must be a bucket: that is where a Job leaves what its notebook gave"
            )
        return value

    @field_validator("slack_channels")
    @classmethod
    def _some_channel(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not (value or info.data.get("slack_test_channel") or info.data.get("channels_file")):
            raise ValueError("neither it nor SLACK_TEST_CHANNEL names a channel, and there is no CHANNELS_FILE")
        return value

    @field_validator(*_PLACEHOLDERS)
    @classmethod
    def _filled_in(cls, value: SecretStr | str, info: ValidationInfo) -> SecretStr | str:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if plain in (cls.model_fields[info.field_name or ""].examples or ()):
            raise ValueError("it still has the value of .env.example")
        return value

    @field_validator("evidence_url")
    @classmethod
    def _browsable(cls, value: str) -> str:
        parts = url_parts(value)
        if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("it must be an address such as https://HOST/PATH")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("it must not hold a user, a password, a query or a fragment: names of pages follow it")
        return value.rstrip("/")

    @field_validator("pushgateway_url")
    @classmethod
    def _pushable(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        address = value.get_secret_value() if value else ""
        if value is None or is_pushgateway(address):
            if "@" in address and not http_allowed(address, info.data.get("http_hosts", ())):
                raise ValueError("it must use https because it holds a login; add its host to HTTP_HOSTS to allow http")
            return value
        raise ValueError("it must be an address such as http://HOST:9091 or https://HOST/metrics/job/NAME")

    @field_validator("slack_api_url", "looker_base_url")
    @classmethod
    def _address(cls, value: str, info: ValidationInfo) -> str:
        parts = url_parts(value)
        if (
            parts is None
            or parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.query
            or parts.fragment
        ):
            raise ValueError("it must be an address such as https://HOST")
        if parts.username is not None:
            raise ValueError("it must not hold a user or a password")
        if not http_allowed(value, info.data.get("http_hosts", ())):
            raise ValueError("it must use https; add its host to HTTP_HOSTS to allow http")
        bare = value.rstrip("/")
        return f"{bare}/" if info.field_name == "slack_api_url" else re.sub(r"/api(/\d+\.\d+)?$", "", bare)


def unknown_names(
    environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env", secrets_dir: Path = SECRETS_DIR
) -> dict[str, str]:
    """Name that begins with SLACK_ or LOOKER_ and that nothing reads -> the nearest setting."""
    names = names_in(os.environ if environ is None else environ, in_env_file(env_file), secrets_dir)
    return unknown(names, _known_names())


def _known_names() -> list[str]:
    return [name.upper() for name in Settings.model_fields]
