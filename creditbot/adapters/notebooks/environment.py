"""Decides which of the bot's environment variables a notebook may see, from NOTEBOOK_ENV and the bot's secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from creditbot.text.known_secrets import Blotter

ALWAYS = ("PATH", "HOME", "LANG")
"""Variables that every notebook sees, whether NOTEBOOK_ENV names them or not."""

_BOT_PREFIXES = ("SLACK_", "LOOKER_", "KUBERNETES_", "KUBECONFIG", "STATE_URI", "PUSHGATEWAY_URL")
"""Variables that begin like this are for the bot alone: Slack, Looker, the state store and the Pushgateway."""


def kernel_environment(
    environ: Mapping[str, str], allowed: Collection[str] | None, secrets: Collection[str] = ()
) -> dict[str, str]:
    """The environment variables of a kernel.

    The processes that run it add JPY_PARENT_PID and MPLBACKEND, and give each run its own HOME, TMPDIR, IPYTHONDIR and
    JUPYTER_RUNTIME_DIR.

    Args:
        environ: the bot's environment, with what its `.env` adds for notebooks, such as WAREHOUSE_URL.
        allowed: NOTEBOOK_ENV, the only names that pass beside PATH, HOME and LANG; None passes all names. Names of the
            bot's own settings never pass, in upper or lower case.
        secrets: a variable whose value is or contains one of these, however spelt, does not pass, whatever its name.
    """
    blotter = Blotter(secrets)
    names = environ if allowed is None else {*ALWAYS, *allowed}

    def passes(name: str, value: str) -> bool:
        of_the_bot = name.upper().startswith(_BOT_PREFIXES)
        return name in names and not of_the_bot and value not in secrets and blotter.hide(value) == value

    return {name: value for name, value in environ.items() if passes(name, value)}
