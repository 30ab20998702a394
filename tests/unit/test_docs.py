"""The prose is held to the code: settings, commands, targets, files, sentences, and what the examples print."""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import yaml

from creditbot import cli
from creditbot.adapters.slack.access import SCOPES
from creditbot.credit.products import load_products
from creditbot.settings.settings import table

ROOT = Path(__file__).parents[2]
NAMES = ("README.md", "SETUP_GUIDE.md", "SECURITY.md", "CHANGELOG.md", "notebooks/README.md")
DOCS = {name: (ROOT / name).read_text() for name in NAMES}
README, SETUP = DOCS["README.md"], DOCS["SETUP_GUIDE.md"]

OTHER_VARIABLES = {
    "CREDITBOT_RECORD_LOOKER_BASE_URL", "CREDITBOT_RECORD_LOOKER_CLIENT_ID", "CREDITBOT_RECORD_LOOKER_CLIENT_SECRET",
    "CREDITBOT_RECORD_SLACK_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY", "IMAGE", "KUBECONFIG", "PYTHON",
    "PATH", "HOME", "LANG",
}  # fmt: skip
"""Named in the docs, and not settings of ours."""
WRITTEN = ("data/", "logs/", "/", "~", "registry.", "requirements-", "bucket.yaml")
"""Beginnings of paths that are not in the repository: what a run writes, and examples."""

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def fences(text: str, *languages: str) -> list[str]:
    """The contents of fenced blocks in these languages."""
    return [content for language, content in _FENCE.findall(text) if language in languages]


def spans(text: str) -> list[str]:
    """What stands between single back-ticks, outside of fenced blocks."""
    return _CODE.findall(_FENCE.sub("", text))


def typed_lines(text: str) -> list[str]:
    """What people are to type: the lines of shell blocks, and of transcripts those after a prompt."""
    shell = [line for block in fences(text, "", "sh") for line in block.splitlines()]
    transcripts = [line for block in fences(text, "console") for line in block.splitlines()]
    return shell + [line.removeprefix("$ ") for line in transcripts if line.startswith("$ ")]


def command_lines(text: str) -> list[str]:
    """The creditbot commands of the text, without the program's name and what a shell does with them."""
    command = re.compile(r"(?:^|bin/|\| )creditbot(?:_in_cluster)? (.+)")
    found = [match[1] for line in typed_lines(text) if (match := command.search(line))]
    found += [span.removeprefix("creditbot ") for span in spans(text) if span.startswith("creditbot ")]
    return [re.split(r" [>&]", line)[0].strip() for line in found]


COMMANDS = sorted({(name, line) for name, text in DOCS.items() for line in command_lines(text) if " | " not in line})


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_every_command_is_one(name: str, line: str) -> None:
    """What the docs tell people to type is understood by the command line."""
    arguments = shlex.split(line)
    if len(arguments) == 1:  # named, and not typed
        assert arguments[0] in {*_choices(cli.parser()), "--help", "--version"}
    else:
        cli.parser().parse_args(arguments)


def test_the_readme_has_every_command() -> None:
    """Each with its name at least."""
    commands = _choices(cli.parser())
    assert commands == {name for name in commands if f"creditbot {name}" in README}


def test_the_readme_has_every_sandbox_command() -> None:
    """In the one line about them."""
    commands = _choices(_choices_of(cli.parser())["sandbox"])
    line = next(line for line in README.splitlines() if "creditbot sandbox run |" in line)
    assert commands == {name for name in commands if re.search(rf"\b{name}\b", line)}


def _choices_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    actions = parser._actions
    return next(dict(action.choices) for action in actions if isinstance(action, argparse._SubParsersAction))


def _choices(parser: argparse.ArgumentParser) -> set[str]:
    return set(_choices_of(parser))


def test_the_settings_table_is_the_codes() -> None:
    """Name, default and meaning, in the order of the code."""
    section = README.partition("## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\| (.*) \|$", section, re.MULTILINE)
    defaults = [("*required*" if row.required else f"`{row.default}`" if row.default else "") for row in table()]
    assert [(r.name, d, r.meaning) for r, d in zip(table(), defaults, strict=True)] == [
        (name, default.strip(), meaning) for name, default, meaning in rows
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_one(name: str) -> None:
    """What looks like a setting is one, or known to belong to somebody else."""
    variable = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=.*)?")
    named = {match[1] for span in spans(DOCS[name]) if (match := variable.fullmatch(span))}
    assert set() == named - {row.name for row in table()} - OTHER_VARIABLES


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_is_in_the_makefile(name: str) -> None:
    """No doc names a target that is not there."""
    typed = [*spans(DOCS[name]), *typed_lines(DOCS[name])]
    targets = {match[1] for line in typed if (match := re.match(r"(?:[A-Z]+=\S+ )?make ([a-z][a-z-]+)", line))}
    makefile = (ROOT / "Makefile").read_text()
    assert targets == {target for target in targets if re.search(rf"^{target}:", makefile, re.MULTILINE)}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    """Files exist, and so do the headings that are linked to."""
    for target in _LINK.findall(DOCS[name]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file.read_text()), target


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_there(name: str) -> None:
    """A path in back-ticks is one of the repository, or of what a run writes."""
    folders = (ROOT, (ROOT / name).parent, ROOT / "creditbot", ROOT / "k8s/overlays/production")
    path = re.compile(r"[\w.-]+(/[\w.-]*)*(\.(md|ya?ml|py|ipynb|lock|toml)|/)")
    for span in spans(DOCS[name]):
        if path.fullmatch(span) and not span.startswith(WRITTEN):
            assert any((folder / span).exists() for folder in folders), span


def test_the_manifest_asks_for_what_is_used() -> None:
    """The scopes of `creditbot check`, each explained in the setup guide, and no others."""
    manifest = yaml.safe_load((ROOT / "slack-app-manifest.yaml").read_text())
    scopes = manifest["oauth_config"]["scopes"]
    assert {"bot"} == scopes.keys()
    assert {name for scope in SCOPES for name in scope.names} == set(scopes["bot"])
    section = SETUP.partition("## The Slack app\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| (`[a-z:]+`(?:, `[a-z:]+`)*) \|", section, re.MULTILINE)
    assert set(scopes["bot"]) == {name for cell in explained for name in _CODE.findall(cell)}


def test_the_products_file_of_the_readme_is_one(tmp_path: Path) -> None:
    """It can be copied as it is."""
    (tmp_path / "products.toml").write_text(fences(README, "toml")[0])
    assert ["verify", "psms"] == [product.name for product in load_products(tmp_path / "products.toml").products]


@pytest.mark.parametrize("block", fences(SETUP, "yaml"))
def test_the_guides_yaml_can_be_read(block: str) -> None:
    """As YAML, at least."""
    assert [part for part in yaml.safe_load_all(block) if part]


def test_unreleased_is_on_top() -> None:
    """As Keep a Changelog has it."""
    assert "[Unreleased]" == re.findall(r"^## (.+)$", DOCS["CHANGELOG.md"], re.MULTILINE)[0]


@cache
def sentences() -> str:
    """Every text of the code, one a line, with … for what is filled in."""
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "creditbot").rglob("*.py"))]
    return "\n".join(text for tree in trees for text in _texts(tree))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def quoted_sentences() -> list[str]:
    """What the first column of the troubleshooting tables quotes."""
    section = SETUP.partition("## Troubleshooting\n")[2]
    cells = re.findall(r"^\| (.+?) \| ", section, re.MULTILINE)
    return [span for cell in cells for span in _CODE.findall(cell) if len(span.split()) > 2]


@pytest.mark.parametrize("sentence", quoted_sentences())
def test_the_sentences_of_the_troubleshooting_are_the_codes(sentence: str) -> None:
    """Somebody who searches for what was printed finds it."""
    pieces = [piece.strip(" .:,;()#") for piece in sentence.split("…")]
    assert [] == [piece for piece in pieces if len(piece) > 2 and piece not in sentences()]


# --- What the examples of the README print -----------------------------------------------------------------------


def transcripts() -> list[tuple[str, str]]:
    """(command, what it prints) of each console block."""
    blocks = [block.partition("\n") for block in fences(README, "console")]
    return [(first.removeprefix("$ "), rest) for first, _, rest in blocks]


def normalised(text: str) -> list[str]:
    """Without what differs from run to run: times, ports, ids, and the order in which parallel work ends."""
    for pattern, word in (
        (r"\bp\d{16}\b", "pTS"),
        (r"\b\d{10}\.\d{6}\b", "TS"),
        (r"127\.0\.0\.1:\d+", "HOST"),
        (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d", "DAY"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?", "TIME"),
        (r"\b(SQL|notebook) [0-9a-f]{12}\b", r"\1 HASH"),
        (r"[\d.]+ seconds per request", "N seconds per request"),
        (r"(?:python -m |\.venv/bin/)creditbot", "creditbot"),
        (r"(?m)^(?:Setting up| *still at it).*\n", ""),
    ):
        text = re.sub(pattern, word, text)
    lines = text.rstrip("\n").split("\n")
    marks = [number for number, line in enumerate(lines) if line.startswith(("[4/5]", "[5/5]"))]
    if len(marks) == 2:
        lines[marks[0] + 1 : marks[1]] = sorted(lines[marks[0] + 1 : marks[1]])
    return lines


def matches(expected: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether the lines are the same; a line "..." stands for any number of them."""
    pattern = "\n".join("(?:.*)" if line == "..." else re.escape(line) for line in expected)
    return re.fullmatch(pattern, "\n".join(actual), re.DOTALL) is not None


class Person:
    """Types commands in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "notebooks").symlink_to(ROOT / "notebooks")
        (folder / "bin").mkdir()
        program = folder / "bin/creditbot"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m creditbot "$@"\n')
        program.chmod(0o755)
        self.environment = {
            **{name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ},
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def types(self, command: str) -> str:
        """What the terminal shows."""
        done = subprocess.run(
            ["bash", "-c", command], cwd=self._folder, env=self.environment, text=True, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While the sandbox is served, with its settings in the environment."""
        served = subprocess.Popen(
            ["creditbot", "sandbox", "serve"], cwd=self._folder, env=self.environment, text=True, stdout=subprocess.PIPE
        )  # fmt: skip
        assert served.stdout
        try:
            for line in served.stdout:
                name, _, value = line.strip().partition("=")
                self.environment[name] = value
                if name == "WAREHOUSE_URL":
                    break
            yield
        finally:
            served.terminate()
            served.wait(10)
            served.stdout.close()


def first_ts(text: str) -> int:
    """The earliest message that a text links to, in microseconds."""
    return min(map(int, re.findall(r"/p(\d{16})\b", text)))


@pytest.mark.timeout(300)
def test_the_examples_of_the_readme_print_what_it_shows(tmp_path: Path) -> None:
    """In the order of the README, on a new sandbox; what differs from run to run is left out of the comparison."""
    person = Person(tmp_path)
    shown = transcripts()
    assert "make run-once" == shown[0][0]
    first_run = person.types("creditbot sandbox run")
    later = first_ts(first_run) - first_ts(shown[0][1])
    assert matches(normalised(shown[0][1]), normalised(first_run)), first_run
    with person.serving():
        looker = person.environment["LOOKER_BASE_URL"]
        for command, expected in shown[1:]:
            typed = re.sub(r"http://127\.0\.0\.1:\d+", looker, command.replace(".venv/bin/", ""))
            typed = re.sub(r"/p(\d{16})\b", lambda match: f"/p{int(match[1]) + later}", typed)
            actual = person.types(typed)
            assert matches(normalised(expected), normalised(actual)), f"$ {typed}\n{actual}"
