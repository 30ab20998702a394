"""The types of single settings: what a value may look like, and what it becomes. Pure; `Settings` uses them.

No error repeats a value, which may hold a secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_MEMBER = "[UW][A-Z0-9]+"
_OUTPUT_SCHEMES = frozenset({"file", "s3", "gs", "abfs", "abfss"})


@dataclass(frozen=True, slots=True)
class StateFile:
    """A file that holds the state."""

    path: Path


@dataclass(frozen=True, slots=True)
class StateConfigMap:
    """A ConfigMap that holds the state."""

    namespace: str
    name: str


def state_location(uri: str) -> StateFile | StateConfigMap:
    """Where `file:PATH` or `configmap://NAMESPACE/NAME` points to; ValueError for anything else."""
    if match := re.fullmatch(r"configmap://([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9.-]*)", uri):
        return StateConfigMap(match[1], match[2])
    if match := re.fullmatch(r"file:(?://(?=/))?([^/].*|/(?!/).+)", uri):
        return StateFile(Path(match[1]))
    raise ValueError("it must be file:PATH or configmap://NAMESPACE/NAME")


def _split(value: object) -> object:
    return tuple(part for part in re.split(r"[,\s]+", value) if part) if isinstance(value, str) else value


def _each(pattern: str, meaning: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(pattern, value):
                raise ValueError(f"it must list {meaning}")
        return values

    return check


def _secret(value: SecretStr) -> SecretStr:
    return SecretStr(value.get_secret_value().strip())


_SWITCHES = frozenset({"true", "false", "yes", "no", "on", "off", "1", "0", "none"})
"""What people write where they take a setting for a switch."""


def _token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"xoxb-[\w-]+", value.get_secret_value(), re.ASCII):
        raise ValueError("it must be a bot token, which starts with xoxb-")
    return value


def _app_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"xapp-[\w-]+", value.get_secret_value(), re.ASCII):
        raise ValueError("it must be an app-level token, which starts with xapp-")
    return value


def is_member(text: str) -> bool:
    """Whether a text is the member ID of a person on Slack, and no name or ID of a channel."""
    return re.fullmatch(_MEMBER, text) is not None


def is_channel_id(text: str) -> bool:
    """Whether a text is the ID of a channel on Slack: names have no capitals."""
    return re.fullmatch(r"[CG](?=[A-Z]*[0-9])[A-Z0-9]{4,}", text) is not None


def channel_name(text: str) -> str:
    """A channel as Slack names it: without "#", in lower case, an accent as part of its letter; an ID as it is."""
    bare = unicodedata.normalize("NFC", text.strip().removeprefix("#"))
    return bare if is_channel_id(bare) else bare.lower()


def _channel(value: str) -> str:
    name = channel_name(value)
    if value and not name:
        raise ValueError("it names no channel: write its name or its ID")
    return name


def _channels(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_channel, values))


def _user(value: str) -> str:
    if not is_member(value):
        raise ValueError("it must be a member ID, which starts with U or W; Slack shows it in the person's profile")
    return value


def _state(value: str) -> str:
    state_location(value)
    return value


def _output(value: str) -> str:
    scheme, separator, _ = value.partition("://")
    if separator and scheme not in _OUTPUT_SCHEMES:
        raise ValueError("it must be a folder, or an address that starts with s3://, gs:// or abfs://")
    return value


def _digest(value: str) -> str:
    name = _channel(value)
    if name in _SWITCHES:
        raise ValueError("it must be `owner`, or the name or ID of a channel; leave it empty for no digest")
    return name


def _template(value: str) -> str:
    around = value.split("{amount}")
    if len(around) == 1 or any("{" in text or "}" in text for text in around):
        raise ValueError("it must contain {amount}, and no other braces")
    return value


Secret = Annotated[SecretStr, AfterValidator(_secret), Field(min_length=1)]
Token = Annotated[Secret, AfterValidator(_token)]
AppToken = Annotated[Secret, AfterValidator(_app_token)]
User = Annotated[str, AfterValidator(_user)]
StateUri = Annotated[str, AfterValidator(_state)]
OutputUri = Annotated[str, AfterValidator(_output)]
Digest = Annotated[str, AfterValidator(_digest)]
Template = Annotated[str, AfterValidator(_template)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Channel = Annotated[str, AfterValidator(_channel)]
Channels = Annotated[Names, AfterValidator(_channels)]
Users = Annotated[Names, AfterValidator(_each(_MEMBER, "member IDs, which start with U or W"))]
Bots = Annotated[Names, AfterValidator(_each("B[A-Z0-9]+", "bot IDs, which start with B"))]
File = Annotated[Path, AfterValidator(Path.expanduser)]


def is_pushgateway(url: str) -> bool:
    """Whether a URL can be that of a Pushgateway: with pairs of label and value after the job, if it names a group."""
    parts = url_parts(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        return False
    _, is_group, group = parts.path.rstrip("/").partition("/metrics")
    return not is_group or re.fullmatch(r"/job/[^/]+(?:/[a-zA-Z_]\w*/[^/]+)*", group) is not None


def url_parts(url: str) -> SplitResult | None:
    """The parts of a URL; None if it is not one. The error of urlsplit may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port  # asking for it checks it
    except ValueError:
        return None
    return None if port == 0 else parts
