"""Starts an etcd and a Kubernetes API server, without controllers or nodes, from the programs in KUBEBUILDER_ASSETS.

The bench and the tests of the cluster use it where KUBECONFIG names no cluster.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60
ATTEMPTS = 3
"""How often it is tried: a port that was free may be taken before the server listens."""


class ApiServerFailed(Exception):
    """The API server did not start. The text has the end of its log."""


@contextmanager
def api_server(assets: Path, folder: Path) -> Iterator[Path]:
    """Runs both on free loopback ports until the block ends. Gives the path of an administrator's kubeconfig."""
    for attempt in range(1, ATTEMPTS + 1):
        here = folder / f"attempt-{attempt}"
        here.mkdir()
        processes: list[subprocess.Popen[bytes]] = []
        try:
            kubeconfig = _start(assets, here, processes)
            if kubeconfig:
                yield kubeconfig
                return
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(timeout=30)
    raise ApiServerFailed((folder / f"attempt-{ATTEMPTS}" / "kube-apiserver.log").read_text()[-2000:])


def _start(assets: Path, here: Path, processes: list[subprocess.Popen[bytes]]) -> Path | None:
    client, peer, secure = _free_ports(3)
    token = secrets.token_hex(16)
    (here / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    key = here / "service-account.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)

    def run(program: str, *arguments: str) -> None:
        with (here / f"{program}.log").open("wb") as log:
            command = [str(assets / program), *arguments]
            processes.append(subprocess.Popen(command, cwd=here, stdout=log, stderr=subprocess.STDOUT))

    etcd, between = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    run(
        "etcd",
        f"--data-dir={here / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={etcd}",
        f"--advertise-client-urls={etcd}",
        f"--listen-peer-urls={between}",
        f"--initial-advertise-peer-urls={between}",
        f"--initial-cluster=default={between}",
    )
    run(
        "kube-apiserver",
        "--bind-address=127.0.0.1",
        f"--secure-port={secure}",
        f"--cert-dir={here / 'certificates'}",
        f"--etcd-servers={etcd}",
        f"--token-auth-file={here / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
    )
    kubeconfig = here / "kubeconfig"
    kubeconfig.write_text(_kubeconfig(secure, token, here / "certificates" / "apiserver.crt"))
    return kubeconfig if _ready(assets, kubeconfig, processes) else None


def _kubeconfig(port: int, token: str, certificate: Path) -> str:
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(certificate)}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "admin"}}],
            "current-context": "local",
        }
    )


def _ready(assets: Path, kubeconfig: Path, processes: list[subprocess.Popen[bytes]]) -> bool:
    """Whether the API answers within START_SECONDS and no process ends before."""
    ask = [str(assets / "kubectl"), f"--kubeconfig={kubeconfig}", "get", "--raw", "/readyz"]
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and all(process.poll() is None for process in processes):
        if subprocess.run(ask, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.2)
    return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
