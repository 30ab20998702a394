"""What of the bot's environment a notebook may see."""

from __future__ import annotations

from collections.abc import Collection, Mapping

ALWAYS = ("PATH", "HOME", "LANG")
"""Reach a kernel even where NOTEBOOK_ENV names what may."""

_OURS = ("SLACK_", "LOOKER_", "KUBERNETES_", "KUBECONFIG", "STATE_URI")
"""Names that begin like this belong to the bot: Slack, Looker and the state store."""


def kernel_environment(
    environ: Mapping[str, str], allowed: Collection[str] | None, secrets: Collection[str] = ()
) -> dict[str, str]:
    """The variables a kernel starts with.

    Jupyter's own are added to them where it runs: IPYTHONDIR, JUPYTER_RUNTIME_DIR, JPY_PARENT_PID, MPLBACKEND, TMPDIR.

    Args:
        environ: the bot's environment, and what else notebooks were given, such as WAREHOUSE_URL.
        allowed: NOTEBOOK_ENV: only these names, and PATH, HOME and LANG; None: everything. Never the bot's own secrets,
            in whatever case they are written (settings are read in any).
        secrets: values of which no part may reach a kernel, under whatever name.
    """
    names = environ if allowed is None else {*ALWAYS, *allowed}

    def passes(name: str, value: str) -> bool:
        ours = name.upper().startswith(_OURS)
        return name in names and not ours and not any(secret in value for secret in secrets if secret)

    return {name: value for name, value in environ.items() if passes(name, value)}
