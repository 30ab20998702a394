"""Pushes the metrics to a Prometheus Pushgateway: one request to PUSHGATEWAY_URL, bounded by one deadline.

A page of metrics comes in, and goes out as it is. `creditbot check` asks by `probe` whether the Pushgateway is ready.

A whole page replaces all metrics of the group (PUT). Any other page replaces the metrics that it has (POST), so a tick
that failed leaves the time of the last success. The Pushgateway keeps what it has until the next push: it forgets
nothing by itself, and it refuses timestamps.
"""

from __future__ import annotations

import http.client
import threading
from base64 import b64encode
from typing import IO, TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from typing_extensions import override

from creditbot.errors import METRICS, CreditbotError, Refused, Unreachable
from creditbot.text import one_line

if TYPE_CHECKING:
    from email.message import Message

SECONDS = 10.0
"""How long a push may take in all. The metrics are at most some ten thousand bytes."""
GROUP = "/metrics/job/"
"""What the path of a group begins with."""

_NAMESPACE = "/namespace/"
_MOST = 2000
"""Bytes of an error's text that are read."""
_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_TODO = "Check PUSHGATEWAY_URL, and whether the Pushgateway runs."


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would become a GET, which pushes nothing and succeeds."""

    @override
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        return None


class Pushgateway:
    """A `ports.MetricsTarget`. Making one asks nothing.

    Args:
        url: PUSHGATEWAY_URL: the address of the Pushgateway, with the group, if it is not the job `creditbot`. It may
            hold a login, which no error shows.
        namespace: of Kubernetes, which the group names as well, unless the address does; "" outside of a cluster. So
            the deployments of two namespaces do not replace each other's metrics, and alerts tell them apart.
        seconds: how long a push or a look-up may take in all.

    Attributes:
        host: where it is, without a login.
    """

    takes_openmetrics = False

    def __init__(self, url: str, namespace: str = "", seconds: float = SECONDS) -> None:
        parts = urlsplit(url)
        login, _, self.host = parts.netloc.rpartition("@")
        group = parts.path.rstrip("/")
        group = group if GROUP in group else f"{group}{GROUP}creditbot"
        if namespace and _NAMESPACE not in group:
            group = f"{group}{_NAMESPACE}{namespace}"
        self._address = f"{parts.scheme}://{self.host}{group}"
        self._ready = f"{parts.scheme}://{self.host}{group.partition(GROUP)[0]}/-/ready"
        self._headers = {"Content-Type": _FORMAT}
        if login:
            self._headers["Authorization"] = f"Basic {b64encode(unquote(login).encode()).decode()}"
        self._seconds = seconds

    def publish(self, page: str, *, whole: bool) -> None:
        """See `ports.MetricsTarget`."""
        method = "PUT" if whole else "POST"
        request = Request(self._address, page.encode(), self._headers, method=method)  # noqa: S310  # http or https
        self._ask(request, "refused the metrics")

    def probe(self) -> None:
        """Asks whether it is ready, and pushes nothing. Raises `Unreachable` or `Refused`."""
        self._ask(Request(self._ready, headers=self._headers), "does not say that it is ready")  # noqa: S310  # http or https

    def _ask(self, request: Request, refusal: str) -> None:
        """Raises what goes wrong; `refusal` says what another answer than a success means."""
        results: list[CreditbotError | None] = []
        # A thread, because the time limit of a socket counts for each address and each read.
        thread = threading.Thread(target=lambda: results.append(self._failure(request, refusal)), daemon=True)
        thread.start()
        thread.join(self._seconds)
        if not results:
            raise Unreachable(METRICS, f"The Pushgateway {self.host} took longer than {self._seconds:g} s.", _TODO)
        if results[0]:
            raise results[0]

    def _failure(self, request: Request, refusal: str) -> CreditbotError | None:
        """What went wrong, if anything did."""
        try:
            build_opener(_NoRedirect).open(request, timeout=self._seconds).close()
        except HTTPError as error:
            return self._refused(error, refusal)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            return Unreachable(
                METRICS, f"The Pushgateway {self.host} cannot be reached: {one_line(str(reason), 200)}.", _TODO
            )
        return None

    def _refused(self, error: HTTPError, refusal: str) -> CreditbotError:
        try:
            detail = error.read(_MOST).decode(errors="replace")
        except (OSError, http.client.HTTPException):
            detail = ""
        why = f": {one_line(detail, 200).rstrip('.')}" if detail.strip() else ""
        return Refused(METRICS, f"The Pushgateway {self.host} {refusal} (HTTP {error.code}){why}.", _TODO)
