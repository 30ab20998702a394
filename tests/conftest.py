"""What every test runs under: no network beyond this machine, no settings of the person who runs it."""

import os

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

# Generated examples come from a fixed seed in `make test`, so that a pull request never fails by chance.
settings.register_profile(
    "default", max_examples=500, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
settings.register_profile("nightly", settings.get_profile("default"), max_examples=10_000, derandomize=False)
# mutmut runs each test many times, and twice in one process.
settings.register_profile(
    "mutants", settings.get_profile("default"), max_examples=50, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

for name in [name for name in os.environ if name.startswith(("SLACK_", "LOOKER_"))]:
    del os.environ[name]


@pytest.fixture(autouse=True)
def _no_network() -> None:
    """Loopback only."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
