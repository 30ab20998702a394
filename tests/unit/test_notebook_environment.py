"""Which variables a kernel sees."""

from __future__ import annotations

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


def test_without_a_list_everything_passes_but_the_bots_own() -> None:
    """Slack, Looker and the state store are the bot's, in whatever case their names are written."""
    assert OTHERS == kernel_environment(BOT | OTHERS, None)


def test_a_list_narrows() -> None:
    """NOTEBOOK_ENV lets through its names, and PATH, HOME and LANG."""
    expected = {name: OTHERS[name] for name in ("PATH", "HOME", "LANG", "WAREHOUSE_URL")}
    assert expected == kernel_environment(BOT | OTHERS, ["WAREHOUSE_URL", "NOT_SET"])
    assert {"PATH", "HOME", "LANG"} == kernel_environment(BOT | OTHERS, []).keys()


def test_a_list_cannot_name_the_bots_own() -> None:
    """A name of the bot's stays out even where NOTEBOOK_ENV has it."""
    assert {} == kernel_environment(BOT, list(BOT))


def test_a_secret_does_not_pass_under_another_name() -> None:
    """A variable that holds one of our secrets stays out, whatever it is called."""
    environ = {"MY_TOKEN": SECRET, "URL": f"https://x/?token={SECRET}", "FINE": "yes"}
    assert {"FINE": "yes"} == kernel_environment(environ, None, secrets=[SECRET, ""])


names = st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1, max_size=20)


@given(
    environ=st.dictionaries(names | st.sampled_from(sorted(BOT)), st.text(max_size=20)),
    allowed=st.none() | st.lists(names | st.sampled_from(sorted(BOT))),
)
def test_nothing_of_the_bots_ever_passes(environ: dict[str, str], allowed: list[str] | None) -> None:
    """What passes was there, unchanged, and is not the bot's."""
    passed = kernel_environment(environ, allowed)
    assert passed.items() <= environ.items()
    assert not [name for name in passed if name.upper().startswith(("SLACK_", "LOOKER_", "KUBERNETES_"))]
