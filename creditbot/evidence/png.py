"""Takes a PNG picture of a notebook apart and keeps only what a browser needs to draw it. Pure.

Base64 text comes in; the picture goes into a page. Texts, times, animations and everything else that a PNG may carry
are dropped. A picture that is broken, too large or not a PNG at all is refused.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_WIDEST, _HIGHEST = 8_000, 16_000
"""Pixels. A browser sets aside four bytes for each of them, however small the file is."""
_MOST_PIXELS = 24_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is safe to draw.

    Attributes:
        data: the PNG in base64, on one line.
        width, height: in pixels.
    """

    data: str
    width: int
    height: int


def read_png(text: str) -> Picture | None:
    """The picture, or None if it is not a complete PNG of a sensible size."""
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    chunks = _chunks(content)
    if chunks is None or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13 or chunks[-1][0] != b"IEND":
        return None
    width, height = struct.unpack(">II", chunks[0][1][:8])
    drawable = 0 < width <= _WIDEST and 0 < height <= _HIGHEST and width * height <= _MOST_PIXELS
    if not drawable or all(kind != b"IDAT" for kind, _ in chunks):
        return None
    kept = b"".join(_chunk(kind, data) for kind, data in chunks if kind in _KEPT)
    return Picture(base64.b64encode(_SIGNATURE + kept).decode(), width, height)


def _chunks(content: bytes) -> list[tuple[bytes, bytes]] | None:
    """(kind, data) of every chunk up to the end of the picture; None if one is cut off or damaged."""
    if not content.startswith(_SIGNATURE):
        return None
    chunks: list[tuple[bytes, bytes]] = []
    position = len(_SIGNATURE)
    while not chunks or chunks[-1][0] != b"IEND":
        if len(content) < position + 12:
            return None
        length, kind = struct.unpack_from(">I4s", content, position)
        data = content[position + 8 : position + 8 + length]
        check = content[position + 8 + length : position + 12 + length]
        if len(data) < length or check != struct.pack(">I", zlib.crc32(kind + data)):
            return None
        chunks.append((kind, data))
        position += 12 + length
    return chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
