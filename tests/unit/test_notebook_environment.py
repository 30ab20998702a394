"""Which of the bot's environment variables a notebook sees."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from creditbot.adapters.notebooks.environment import kernel_environment

SECRET = "xoxb-sandbox-not-a-secret"
BOT = {
    "SLACK_BOT_TOKEN": SECRET,
    "slack_user_id": "U1",
    "LOOKER_CLIENT_SECRET": "not-a-secret",
    "STATE_URI": "configmap://a/b",
    "KUBECONFIG": "/k",
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
}
OTHERS = {"PATH": "/bin", "HOME": "/h", "LANG": "C", "WAREHOUSE_URL": "duckdb:///w", "AWS_PROFILE": "a"}


def test_without_a_list_everything_passes_but_the_bots_settings() -> None:
    """Those of Slack, Looker and the state store are the bot's, in upper or lower case."""
    assert OTHERS == kernel_environment(BOT | OTHERS, None)


def test_a_list_passes_its_names_and_three_more() -> None:
    """NOTEBOOK_ENV passes the variables that it names, and PATH, HOME and LANG."""
    expected = {name: OTHERS[name] for name in ("PATH", "HOME", "LANG", "WAREHOUSE_URL")}
    assert expected == kernel_environment(BOT | OTHERS, ["WAREHOUSE_URL", "NOT_SET"])


def test_an_empty_list_passes_only_the_three() -> None:
    assert {"PATH", "HOME", "LANG"} == kernel_environment(BOT | OTHERS, []).keys()


def test_a_list_cannot_pass_the_bots_settings() -> None:
    assert {} == kernel_environment(BOT, list(BOT))


def test_a_secret_does_not_pass_under_another_name() -> None:
    """A variable whose value contains a secret of the bot does not pass, whatever its name is."""
    environ = {"MY_TOKEN": SECRET, "URL": f"https://x/?token={SECRET}", "FINE": "yes"}
    assert {"FINE": "yes"} == kernel_environment(environ, None, secrets=[SECRET, ""])


def test_a_secret_does_not_pass_in_another_spelling() -> None:
    """As a client or an address would write it."""
    secret = 'made "up" & 5€cret'
    environ = {
        "QUOTED": quote(secret),
        "JSON": json.dumps({"key": secret}),
        "BASIC": b64encode(secret.encode()).decode(),
    }
    assert {} == kernel_environment(environ, None, secrets=[secret])


def test_a_secret_that_is_a_word_is_one_only_as_a_whole() -> None:
    """PATH may well contain it."""
    environ = {"PATH": "/opt/looker/bin", "KEY": "looker", "URL": "https://bot:looker@acme.example"}
    assert {"PATH": "/opt/looker/bin"} == kernel_environment(environ, None, secrets=["looker"])


names = st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1, max_size=20)


@given(
    environ=st.dictionaries(names | st.sampled_from(sorted(BOT)), st.text(max_size=20)),
    allowed=st.none() | st.lists(names | st.sampled_from(sorted(BOT))),
)
def test_no_setting_of_the_bot_ever_passes(environ: dict[str, str], allowed: list[str] | None) -> None:
    """The others pass unchanged."""
    variables = kernel_environment(environ, allowed)
    assert variables.items() <= environ.items()
    assert not [name for name in variables if name.upper().startswith(("SLACK_", "LOOKER_", "KUBERNETES_"))]
