"""The docs are held to the code: commands, settings, files, layers, tests, sentences, and what the examples print."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from creditbot import cli
from creditbot.adapters.slack.access import SCOPES
from creditbot.credit.products_file import load_products
from creditbot.intake.thread import NO_REACTIONS
from creditbot.settings.describe import table
from creditbot.state.record import MOVES
from tests.support import transcripts

ROOT = Path(__file__).parents[2]
NAMES = (
    "README.md", "SETUP_GUIDE.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "notebooks/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
)  # fmt: skip
DOCS = {name: (ROOT / name).read_text() for name in NAMES}
README, SETUP = DOCS["README.md"], DOCS["SETUP_GUIDE.md"]

OTHER_VARIABLES = {
    "CREDITBOT_RECORD_LOOKER_BASE_URL", "CREDITBOT_RECORD_LOOKER_CLIENT_ID", "CREDITBOT_RECORD_LOOKER_CLIENT_SECRET",
    "CREDITBOT_RECORD_SLACK_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY", "IMAGE", "KUBECONFIG", "PYTHON",
    "TRINO_START", "TRINO_URL", "WAREHOUSES", "PATH", "HOME", "LANG", "CREDIT_FROM", "CREDIT_TO", "CLUSTER_TESTS",
    "MORTAL_NODE", "MORTAL_NODE_POWER",
}  # fmt: skip
"""Named in the docs, but not our settings: of other programs, and parameters of the notebooks."""
WRITTEN = ("data/", "logs/", "/", "~", "registry.", "requirements-")
"""Beginnings of paths that are not in the repository: what a run writes, and examples."""

MANIFESTS = ("k8s/overlays/production", "k8s/components/monitoring")
"""Folders whose files the docs name without their path."""

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
    return [re.split(r" (?:2?>|&)", line)[0].strip() for line in found]


PARSER = cli.parser()
COMMANDS = sorted({(name, line) for name, text in DOCS.items() for line in command_lines(text) if " | " not in line})


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_every_command_is_one(name: str, line: str) -> None:
    """What the docs tell people to type is understood by the command line."""
    arguments = shlex.split(line)
    if len(arguments) == 1:  # named, and not typed
        assert arguments[0] in {*_choices(PARSER), "--help", "--version"}
    else:
        PARSER.parse_args(arguments)


def test_the_readme_has_every_command() -> None:
    """Each with its name at least."""
    commands = _choices(PARSER)
    assert commands == {name for name in commands if f"creditbot {name}" in README}


def test_the_page_of_commands_has_a_heading_for_each() -> None:
    """And a row for each command of the sandbox."""
    commands = _choices_of(PARSER)
    headings = re.findall(r"^## creditbot ([a-z-]+)$", DOCS["docs/commands.md"], re.MULTILINE)
    assert [*commands] == headings
    rows = re.findall(r"^\| `creditbot sandbox ([a-z-]+)", DOCS["docs/commands.md"], re.MULTILINE)
    assert _choices(commands["sandbox"]) == set(rows)


def test_the_index_of_the_docs_lists_every_page() -> None:
    """A page that nothing leads to is not read."""
    linked = {Path(target).name for target in _LINK.findall(DOCS["docs/README.md"])}
    assert {Path(name).name for name in NAMES} - linked == {"CHANGELOG.md"}


def test_the_readme_is_short() -> None:
    """It is for people who use creditbot; what else there is to say stands in docs/."""
    assert len(README.splitlines()) <= 250


def _choices_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    actions = (parser.complete() if isinstance(parser, cli.Command) else parser)._actions
    return next(dict(action.choices) for action in actions if isinstance(action, argparse._SubParsersAction))


def _choices(parser: argparse.ArgumentParser) -> set[str]:
    return set(_choices_of(parser))


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
    folders = (ROOT, (ROOT / name).parent, ROOT / "creditbot", *map(ROOT.joinpath, MANIFESTS))
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


def test_the_example_of_a_products_file_can_be_loaded(tmp_path: Path) -> None:
    """It can be copied as it is."""
    (tmp_path / "products.toml").write_text(fences(DOCS["docs/products.md"], "toml")[0])
    assert ["verify", "psms"] == [product.name for product in load_products(tmp_path / "products.toml").products]


@pytest.mark.parametrize("block", fences(SETUP, "yaml"))
def test_the_guides_yaml_can_be_read(block: str) -> None:
    """As YAML, at least."""
    assert [part for part in yaml.safe_load_all(block) if part]


def test_unreleased_is_on_top() -> None:
    """As Keep a Changelog has it."""
    assert "[Unreleased]" == re.findall(r"^## (.+)$", DOCS["CHANGELOG.md"], re.MULTILINE)[0]


def test_the_docs_avoid_the_idioms_that_contributing_warns_about() -> None:
    """A native reader stumbles over them."""
    section = DOCS["CONTRIBUTING.md"].partition("\n## English\n")[2].partition("\n## ")[0]
    idioms = [idiom for _, idiom in re.findall(r"^\| (.+) \| (.+) \|$", section, re.MULTILINE)][2:]
    assert "anew" in idioms
    pages = {name: " ".join(text.split()) for name, text in DOCS.items() if name != "CONTRIBUTING.md"}
    assert [] == [(name, idiom) for name, text in pages.items() for idiom in idioms if re.search(rf"\b{idiom}\b", text)]


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


# --- Architecture, invariants, glossary ---------------------------------------------------------------------------

ARCHITECTURE, INVARIANTS, GLOSSARY = (DOCS[f"docs/{name}.md"] for name in ("architecture", "invariants", "glossary"))


def test_the_layers_of_the_picture_are_those_that_are_checked() -> None:
    """Name by name, in the order of import-linter's contract."""
    (contract, *_) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    drawn = next(block for block in fences(ARCHITECTURE, "") if block.startswith("__main__"))
    assert contract["layers"] == [re.split(r"  +", line)[0] for line in drawn.splitlines()]


def test_every_folder_with_a_step_of_its_own_is_in_the_picture() -> None:
    """Whoever looks for a place finds each of them there."""
    folders = {path.parent.relative_to(ROOT / "creditbot") for path in (ROOT / "creditbot").rglob("__init__.py")}
    names = {str(folder) for folder in folders if str(folder) != "."}
    assert names == {name for name in names if name in ARCHITECTURE}


@pytest.mark.parametrize("column", [0, 1])
def test_every_row_of_the_tables_of_places_names_one(column: int) -> None:
    """In both tables: where to look for something, and where a change would go."""
    tables = [ARCHITECTURE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0] for heading in PLACES]
    rows = re.findall(r"^\| (?!-|I want|change \|)(.+) \| (.+) \|$", tables[column], re.MULTILINE)
    assert rows
    assert [] == [change for change, place in rows if not re.search(r"`[\w/]+(\.\w+|/)`", place)]


PLACES = ("Where to look", "Where would you put ...")


@cache
def names_of_tests() -> frozenset[str]:
    """The names of all tests, in whatever file below tests/ they are."""
    sources = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    return frozenset(name for source in sources for name in re.findall(r"^ *def (test_\w+)", source, re.MULTILINE))


def invariants() -> list[tuple[str, str]]:
    """(heading, text) of each invariant."""
    sections = re.split(r"^### ", INVARIANTS, flags=re.MULTILINE)[1:]
    return [(heading, re.split(r"^## ", text, flags=re.MULTILINE)[0]) for heading, _, text in (
        section.partition("\n") for section in sections
    )]  # fmt: skip


@pytest.mark.parametrize(("heading", "text"), [pytest.param(*pair, id=pair[0][:40]) for pair in invariants()])
def test_an_invariant_names_tests_that_exist(heading: str, text: str) -> None:
    """A rule that no test holds is a wish."""
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named, heading
    assert set() == named - names_of_tests()


def test_the_invariants_are_numbered_in_order() -> None:
    """So that a commit can name one."""
    assert [f"{number}." for number, _ in enumerate(invariants(), 1)] == [
        heading.split()[0] for heading, _ in invariants()
    ]


def test_no_word_of_the_glossary_stands_there_twice() -> None:
    """One meaning each."""
    words = re.findall(r"^\| (?!-|word )(.+?) \| ", GLOSSARY, re.MULTILINE)
    assert sorted(set(words)) == sorted(words)


def test_every_status_of_a_request_is_explained() -> None:
    """With the very name that the state and the log use."""
    statuses = sorted(status for status in MOVES if status)
    section = DOCS["docs/exactly-once.md"].partition("## The states of a request\n")[2].partition("\n## ")[0]
    assert statuses == sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_the_ratios_of_the_page_on_speed_are_those_that_were_measured() -> None:
    """`make bench` writes bench/RESULTS.md; whoever measures again copies the ratios."""
    measured = set(re.findall(r"\b\d+\.\d\dx", (ROOT / "bench/RESULTS.md").read_text()))
    shown = re.findall(r"\| (\d+\.\d\dx) \|$", DOCS["docs/speed.md"], re.MULTILINE)
    assert shown
    assert [] == [ratio for ratio in shown if ratio not in measured]


# --- What the examples print ----------------------------------------------------------------------------------------

CONSOLE_PAGES = [name for name in NAMES if fences(DOCS[name], "console")]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[transcripts.Transcript, list[str]]]:
    """Every transcript with what its command prints now."""
    shown = [transcript for name in transcripts.PAGES for transcript in transcripts.read(DOCS[name])]
    played = transcripts.play(shown, tmp_path_factory.mktemp("person"), "--no-rate-limits")  # they only cost time
    lines = [lines for _, lines in played]
    return list(zip(shown, lines, strict=True))


def test_every_console_block_is_a_transcript() -> None:
    """One that is written in another way would not be run."""
    assert {name: len(fences(DOCS[name], "console")) for name in CONSOLE_PAGES} == {
        name: len(transcripts.read(DOCS[name])) for name in transcripts.PAGES
    }


def test_the_page_on_approval_names_each_reaction_that_says_no() -> None:
    (row,) = re.findall(r'^\| a "no" as a reaction on the request: ([^,]+),', DOCS["docs/approval.md"], re.MULTILINE)
    assert set(NO_REACTIONS.values()) == set(row.split())


LOOKING_BACK = (
    "replay", "backtest", "report", "export", "history", "audit", "audit prove", "audit verify", "model fit",
    "model show",
)  # fmt: skip


@pytest.mark.parametrize("command", LOOKING_BACK)
def test_the_readme_shows_what_each_command_prints_that_looks_back(command: str) -> None:
    """Whoever has to trust the bot sees the answers before trying it."""
    assert any(_types(shown.command, command) for shown in transcripts.read(README))


@pytest.mark.parametrize("command", ["compute", "METRICS_FILE"])
def test_a_page_that_the_readme_links_to_shows_what_other_commands_print(command: str) -> None:
    pages = [name for name in transcripts.PAGES if f"]({name}" in README]
    assert any(_types(shown.command, command) for name in pages for shown in transcripts.read(DOCS[name]))


def _types(line: str, command: str) -> bool:
    """Whether it is among those that the line types, and not only the beginning of another one."""
    return re.search(rf"(?:creditbot |^){command}(?: (?!prove|verify)|=|$)", line) is not None


@pytest.mark.kernels
@pytest.mark.timeout(600)
def test_the_examples_print_what_the_docs_show(played: list[tuple[transcripts.Transcript, list[str]]]) -> None:
    """If that was changed on purpose, `make transcripts` writes it down."""
    for shown, lines in played:
        assert transcripts.normalised(shown.output) == transcripts.normalised(shown.shown(lines)), shown.command


EXAMPLE = """Text before.

<!-- shown: first 2 lines, last 1 lines -->
```console
$ make run-once
one
two
...
four
```

Text after.
"""


def test_a_page_is_written_as_it_was_read() -> None:
    """Nothing but the transcripts changes."""
    assert transcripts.written(EXAMPLE, transcripts.read(EXAMPLE)) == EXAMPLE


def test_of_a_long_output_the_beginning_and_the_end_are_shown() -> None:
    """As many lines as the comment above the block says."""
    (transcript,) = transcripts.read(EXAMPLE)
    assert transcript.shown(["1", "2", "3", "4", "5"]) == ("1", "2", "...", "5")
    assert transcript.shown(["1", "2", "3"]) == ("1", "2", "3")


def test_recording_leaves_a_page_alone_whose_output_is_as_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Times and ports differ in every run; they alone are not a reason to write."""
    page = "```console\n$ creditbot sandbox post Hello\nPosted as 1795578121.911018.\n```\n"
    prints = ["Posted as 1795578999.000001."]
    monkeypatch.setattr(transcripts, "play", lambda *_: iter([("creditbot sandbox post Hello", prints)]))
    assert transcripts.record({"page": page}, tmp_path) == {"page": page}


def test_recording_writes_down_what_a_command_prints_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the command as it was typed, whose links are those of the new sandbox."""
    page = "```console\n$ creditbot show http://127.0.0.1:1/looks/1\nold\n```\n"
    monkeypatch.setattr(transcripts, "play", lambda *_: iter([("creditbot show http://127.0.0.1:2/looks/1", ["new"])]))
    assert transcripts.record({"page": page}, tmp_path) == {
        "page": "```console\n$ creditbot show http://127.0.0.1:2/looks/1\nnew\n```\n"
    }
