"""A short name for what a credit was computed from, the same on the card and on the page. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_LENGTH = 12
_FACTS = ("product", "sql_sha256", "notebook_sha256", "credit")


def digest_of(summary: Mapping[str, Any]) -> str:
    """Twelve hex digits that change with the request, its amount, its SQL or its notebooks; "" without an amount."""
    amount = summary.get("credit_amount") or summary.get("computed_amount")
    if not amount:
        return ""
    request = summary.get("request")
    key = request.get("key", "") if isinstance(request, Mapping) else ""
    links = [link for link in summary.get("links") or () if isinstance(link, Mapping)]
    facts = [key, str(amount), [[str(link.get(name, "")) for name in _FACTS] for link in links]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:_LENGTH]
