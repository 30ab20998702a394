"""Which SQL counts as the same, so that the same traffic is not credited twice.

The SQL comes from Looker; its hash is stored with the request and kept for DUPLICATE_DAYS. Pure.
"""

from __future__ import annotations

import hashlib

from creditbot.credit.sql.words import normalised


def normalised_hash(sql: str) -> str:
    """SHA-256 in hex of the SQL without what makes no difference: comments, layout, its sorting and a semicolon.

    It needs no dialect, so it stays the same when the settings change.
    """
    return hashlib.sha256(normalised(sql).encode("utf-8", "surrogatepass")).hexdigest()
