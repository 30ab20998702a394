"""A bucket that speaks as much S3 as obstore does: put, create, get, list, delete. It needs only Python's own library.

Tests start it in their process (`Bucket`); in a cluster it is a pod: `python bucket.py PORT`. It keeps objects in
memory and believes every signature.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

NAME = "evidence"
"""Of the bucket."""


def variables(endpoint: str) -> dict[str, str]:
    """The environment variables by which obstore finds it."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "nowhere",
        "AWS_ACCESS_KEY_ID": "made-up-key",
        "AWS_SECRET_ACCESS_KEY": "made-up-access",
    }


class Bucket:
    """Serves on `url` while the context is open.

    Attributes:
        objects: key -> (content, time of its last write).
        refuses: methods that are answered with 403.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.refuses: set[str] = set()
        self.lock = threading.Lock()
        bucket = self

        class Handler(_Handler):
            def __init__(self, *args: object) -> None:
                self.bucket = bucket
                super().__init__(*args)  # type: ignore[arg-type]

        self.server = ThreadingHTTPServer((host, port), Handler)
        self.server.daemon_threads = True
        self.url = f"http://{host}:{self.server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def listing(self, query: Mapping[str, list[str]]) -> str:
        """The answer to ListObjectsV2; everything is on one page."""
        prefix, delimiter = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
        contents, folders = [], set()
        for key, (content, written) in sorted(self.objects.items()):
            if not key.startswith(prefix):
                continue
            rest = key.removeprefix(prefix)
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
                continue
            contents.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{written:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                f"<ETag>{_tag(content)}</ETag><Size>{len(content)}</Size></Contents>"
            )
        common = [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in sorted(folders)]
        inner = "".join([*contents, *common])
        head = f"<KeyCount>{len(contents) + len(common)}</KeyCount><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{head}{inner}</ListBucketResult>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        query = parse_qs(path.query, keep_blank_values=True)
        with self.bucket.lock:
            if "GET" in self.bucket.refuses:
                return self._answer(403)
            if "list-type" in query:
                return self._answer(200, self.bucket.listing(query).encode())
            found = self.bucket.objects.get(self._key)
        if found is None:
            return self._answer(404)
        content, written = found
        at = {"ETag": _tag(content), "Last-Modified": format_datetime(written, usegmt=True)}
        return self._answer(200, content, at)

    do_HEAD = do_GET  # noqa: N815

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.bucket.lock:
            if "PUT" in self.bucket.refuses:
                return self._answer(403)
            if self.headers.get("If-None-Match") == "*" and self._key in self.bucket.objects:
                return self._answer(412)
            self.bucket.objects[self._key] = (content, datetime.now(UTC))
        return self._answer(200, b"", {"ETag": _tag(content)})

    def do_POST(self) -> None:
        """DeleteObjects: obstore deletes a single one with it, too."""
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        keys = [unescape(key) for key in re.findall("<Key>(.*?)</Key>", asked)]
        with self.bucket.lock:
            for key in keys:
                self.bucket.objects.pop(key, None)
        done = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{done}</DeleteResult>".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{NAME}").lstrip("/")

    def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


if __name__ == "__main__":
    Bucket("0.0.0.0", int(sys.argv[1])).server.serve_forever()  # in a pod
