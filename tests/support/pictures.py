"""The pictures in the docs: a reply's card, a request's page and the report, in a real browser.

`make pictures` makes them again; it needs `chromium`. A card is drawn from the blocks that the sandbox got. A page is
the file that a run on the sandbox left. The report is that of a made-up year. Page and report are also shown as on a
phone, for whoever looks at them: those are not in the docs.
"""

from __future__ import annotations

import html
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from bench.reports import keep_past, page_of, read_past
from creditbot.model import Names
from creditbot.sandbox.world import SandboxWorld
from tests.support.transcripts import ROOT, Person

PICTURES = ROOT / "docs/pictures"
MOST_BYTES = 200_000
CARD, PAGE = "Approved, $758.45, exceptions", "$4,948.80"
"""The reply and the amount whose card and page are shown."""
EVIDENCE_URL = "https://evidence.acme.example"
_TALLEST = 6_000
_DESK, _PHONE = 1240, 390
"""Widths of a screen, in pixels."""
_REPORTED = 400
"""Requests of the year in the report."""
_PEOPLE = {"U0DANA": "Dana Ortiz", "U0MARTA": "Marta Silva", "U0RAVI": "Ravi Menon", "U0LEE": "Lee Analyst",
           "U0ROSA": "Rosa Lind", "U0OWNER": "Olu Owner"}  # fmt: skip

_STYLE = """
body { margin: 0; padding: 16px 20px; font: 15px/22px Lato, "Liberation Sans", Arial, sans-serif; color: #1d1c1d }
.bot { display: flex; gap: 10px } .icon { width: 36px; height: 36px; border-radius: 6px; background: #1d3a5f;
color: #fff; font-weight: 700; text-align: center; line-height: 36px } small { color: #616061; font-size: 13px }
h1 { font-size: 18px; margin: 4px 0 8px } .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px }
table { border-collapse: collapse; margin: 10px 0 8px } td { border: 1px solid #ddd; padding: 4px 14px }
tr:first-child td { font-weight: 700; background: #f8f8f8 }
.right { text-align: right; font-variant-numeric: tabular-nums }
code { color: #c01343; background: #f6f6f6; border: 1px solid #ddd; border-radius: 3px; padding: 0 3px }
code { font-size: 12px }
a { color: #1264a3; text-decoration: none }
"""


def card_html(blocks: Sequence[Mapping[str, Any]]) -> str:
    """The blocks of a reply, roughly as Slack shows them."""
    parts = "\n".join(part for block in blocks for part in _drawn(block))
    head = f'<meta charset="utf-8"><style>{_STYLE}</style>'
    name = "<b>creditbot</b> <small>APP</small>"
    return f'{head}<div class="bot"><div class="icon">cb</div><div>{name}{parts}</div></div>'


def _drawn(block: Mapping[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield f"<h1>{html.escape(block['text']['text'])}</h1>"
        case "section":
            yield f'<div class="fields">{"".join(f"<div>{_mrkdwn(field)}</div>" for field in block["fields"])}</div>'
        case "table":
            sides = [column["align"] for column in block["column_settings"]]
            rows = ([cell["text"] for cell in row] for row in block["rows"])
            cells = ("".join(map(_cell, row, sides)) for row in rows)
            yield f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
        case "context":
            yield f"<small>{' &nbsp; '.join(map(_mrkdwn, block['elements']))}</small>"
        case other:
            raise ValueError(f"nobody has drawn a block of the type {other!r} yet")


def _cell(text: str, side: str) -> str:
    return f'<td class="{side}">{html.escape(text)}</td>'


def _mrkdwn(text: Mapping[str, str]) -> str:
    """Slack's own markup, whose special characters are escaped as in HTML."""
    shown = re.sub(r"<(https?:[^|>]+)\|([^>]+)>", r'<a href="\1">\2</a>', text["text"])
    shown = re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", shown)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", shown).replace("\n", "<br>")


def take(address: str, width: int, picture: Path, most: int = _TALLEST) -> None:
    """A picture of an address, in as few colours as keep it below MOST_BYTES.

    It is as tall as what it shows, but at most `most` pixels.
    """
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         f"--window-size={width},{_TALLEST}", f"--screenshot={picture}", address],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    with Image.open(picture) as taken:
        shown = taken.convert("RGB")
    background = Image.new("RGB", shown.size, shown.getpixel((0, _TALLEST - 1)))
    bottom = min(most, _last_row(shown, background) + 16)
    for colours in (256, 64, 32):
        shown.crop((0, 0, width, bottom)).quantize(colours).save(picture, optimize=True)
        if picture.stat().st_size < MOST_BYTES:
            return
    raise ValueError(f"{picture} is too large: {picture.stat().st_size} bytes")


def _last_row(shown: Image.Image, background: Image.Image) -> int:
    box = ImageChops.difference(shown, background).getbbox()
    return box[3] if box else 0


def main() -> None:
    """Makes all of them again."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        data = folder / "data/sandbox"
        data.mkdir(parents=True)
        (data / "settings.env").write_text(f"EVIDENCE_URL={EVIDENCE_URL}\n")
        print(*Person(folder).types("creditbot sandbox run"), sep="\n")
        world = SandboxWorld(data / "world.sqlite")
        replies = [reply for message in world.messages() for reply in world.thread(message["ts"])[1:]]
        drawn = folder / "card.html"
        drawn.write_text(card_html(next(reply["blocks"] for reply in replies if reply["text"] == CARD)))
        take(drawn.as_uri(), 700, PICTURES / "card.png")
        pages = data.glob("outputs/evidence/*.html")
        page = next(page for page in pages if f"<h1>{PAGE}</h1>" in page.read_text(encoding="utf-8"))
        take(page.as_uri(), 900, PICTURES / "page.png")
        report = folder / "report.html"
        keep_past(_REPORTED, str(folder / "past"))
        report.write_text(page_of(read_past(str(folder / "past")), Names(_PEOPLE)), encoding="utf-8")
        take(report.as_uri(), _DESK, PICTURES / "report.png", most=1180)
        for name, shown in (("page", page), ("report", report)):
            phone = Path(tempfile.gettempdir()) / f"creditbot-{name}-on-a-phone.png"
            take(shown.as_uri(), _PHONE, phone)
            print(f"The same on a phone: {phone}")


if __name__ == "__main__":
    main()
