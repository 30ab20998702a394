"""Which pictures of a notebook a page draws, and what is left of them."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from creditbot.evidence.png import read_png


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, width: int = 1, height: int = 1) -> str:
    """A grey picture with more chunks in it, in base64."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + data + chunk(b"IEND")).decode()


def test_a_picture_is_kept_with_its_size() -> None:
    picture = read_png(png(width=3, height=2))
    assert picture is not None
    assert (picture.data, picture.width, picture.height) == (png(width=3, height=2), 3, 2)


def test_line_ends_in_the_base64_do_not_matter() -> None:
    """Jupyter writes them."""
    text = png()
    assert read_png(f"{text[:20]}\n{text[20:]}\n") == read_png(text)


@pytest.mark.parametrize("kind", [b"tEXt", b"iTXt", b"eXIf", b"acTL", b"fdAT", b"iCCP"])
def test_what_is_not_needed_to_draw_it_is_dropped(kind: bytes) -> None:
    picture = read_png(png(chunk(kind, b"<script>alert(1)</script>")))
    assert picture is not None
    assert picture.data == png()


def test_what_follows_the_picture_is_dropped() -> None:
    behind = base64.b64encode(base64.b64decode(png()) + b"<script>").decode()
    picture = read_png(behind)
    assert picture is not None
    assert picture.data == png()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(not kept)",
        "iVBO",
        base64.b64encode(b"<svg onload='alert(1)'/>").decode(),
        base64.b64encode(b"GIF89a").decode(),
        base64.b64encode(base64.b64decode(png())[:-5]).decode(),
        base64.b64encode(base64.b64decode(png()).replace(b"IDAT", b"JDAT")).decode(),
        png().replace("A", "\N{LATIN CAPITAL LETTER A WITH DIAERESIS}"),
        base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IEND")).decode(),
        base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0" * 13) + chunk(b"IEND")).decode(),
    ],
)
def test_what_is_not_a_whole_png_is_refused(text: str) -> None:
    assert read_png(text) is None


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (50_000, 10), (10, 50_000), (7_000, 7_000)])
def test_a_picture_that_would_fill_the_memory_is_refused(width: int, height: int) -> None:
    """A few bytes may stand for gigabytes of one colour."""
    assert read_png(png(width=width, height=height)) is None
