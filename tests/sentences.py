"""Every sentence that people read, in one file: `make sentences` writes sentences.txt, and a test compares it.

The file has two parts. The first shows messages as they are really sent: each situation of tests/situations.py is
played, and what its thread, its owner and its terminal show is its example. The second lists, file by file, each text
of three words or more in the source of creditbot; names in braces are filled in. So a sentence is changed in its place
in the code, and the difference that `make sentences` makes is what a reviewer reads.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.situations import SITUATIONS, Stage, play
from tests.support.world_facts import BOT_USER

PACKAGE = Path(__file__).parents[1] / "creditbot"
LIST = Path(__file__).with_suffix(".txt")
HEAD = "Every sentence that people read. `make sentences` writes this file, and `make test` compares it with the code."
SENT = "WHAT IS SENT AND PRINTED, SITUATION BY SITUATION"
WRITTEN = "WHAT THE CODE CAN SAY, FILE BY FILE"

NOT_READ = {"debug", "info", "warning", "error", "critical", "exception", "event", "compile"}
"""Calls whose texts are for the log, or patterns."""
PRETENDS = "sandbox"
"""The folder whose texts are those of Slack and Looker, of people, and SQL."""

WORD = re.compile(r"(?<!\S)[\w(`'\"][\w'(),:;.`\"-]*(?!\S)")


def listing() -> str:
    """The text of sentences.txt as it should be."""
    lines = [HEAD, "", SENT]
    for situation in SITUATIONS:
        lines += ["", str(situation.__doc__).partition("\n")[0], *(f"    {line}" for line in as_sent(play(situation)))]
    lines += ["", WRITTEN]
    for path, sentences in in_code().items():
        lines += ["", path, *(f"    {sentence}" for sentence in sentences)]
    return "\n".join(lines) + "\n"


def as_sent(world: Stage) -> Iterator[str]:
    """What people read in a world: the bot's replies, messages to the owner, reasons and what is printed.

    A reason that the owner was told is not repeated.
    """
    told = _plain(" ".join(world.told()))
    shown = {
        "In the thread": [message.text for message in world.visible() if message.user == BOT_USER],
        "To the owner": world.told(),
        "To the approvers": [message.text for message in world.visible_asks()],
        "In `creditbot show`": [reason for reason in world.reasons if _plain(reason) not in told],
        "On the terminal": world.printed,
    }
    for place, texts in shown.items():
        for number, text in enumerate(dict.fromkeys(texts)):
            if number == 0:
                yield f"{place}:"
            yield from (f"    {line}" for line in text.splitlines())


@cache
def in_code(package: Path = PACKAGE) -> dict[str, list[str]]:
    """The sentences of each file of a package, in the order of the source, each once a file."""
    files = {path.relative_to(package.parent): ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))}
    written = {
        path.as_posix(): list(dict.fromkeys(sentence for node in _texts(tree) if (sentence := _sentence(node))))
        for path, tree in files.items()
        if PRETENDS not in path.parts
    }
    return {path: sentences for path, sentences in written.items() if sentences}


def without_example(sentences: Iterable[str], examples: str) -> set[str]:
    """The sentences that no example contains, whatever stands in their braces."""
    examples = _plain(examples)
    return {one for one in sentences if not _stand_in_order(re.split(r"\{.*?\}", _plain(one)), examples)}


def _stand_in_order(pieces: Iterable[str], text: str) -> bool:
    """Whether the text holds the pieces one after another, with something between any two.

    The first place at which a piece stands leaves the most room for the next ones. A regular expression would try
    every other place as well.
    """
    least = 0
    for piece in pieces:
        place = text.find(piece, least)
        if place < 0:
            return False
        least = place + len(piece) + 1
    return True


def _plain(text: str) -> str:
    return " ".join(text.replace("•", " ").split())


def _sentence(text: ast.Constant | ast.JoinedStr) -> str:
    """A text of the source with the names of what is filled in; "" if it has fewer than three words."""
    pieces = text.values if isinstance(text, ast.JoinedStr) else [text]
    whole = "".join(str(piece.value) if isinstance(piece, ast.Constant) else f"{{{_name(piece)}}}" for piece in pieces)
    sentence = " ".join(whole.split())
    return sentence if len(WORD.findall(sentence)) >= 3 else ""


def _name(node: ast.AST) -> str:
    """The last name of an expression: "address" for `self._address(key)`; "..." where it has none."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_")
        case ast.FormattedValue(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
            return _name(inner)
    return "..."


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The texts below a node, but for docstrings and what is in calls of NOT_READ."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in NOT_READ:
        return
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    if isinstance(node, ast.JoinedStr):
        children: list[ast.AST] = [piece for piece in node.values if isinstance(piece, ast.FormattedValue)]
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from _texts(child)


def main() -> int:
    """Writes the file."""
    LIST.write_text(listing(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
