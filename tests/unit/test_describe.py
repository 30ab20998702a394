"""What people read of a setting is the same in the code, in .env.example, in docs/settings.md and in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditbot.errors import SettingsError
from creditbot.settings import describe
from creditbot.settings.describe import COMMON, SECTIONS, env_example, page, readme_table, table, with_table
from creditbot.settings.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_file_is_up_to_date() -> None:
    assert env_example() == (ROOT / ".env.example").read_text(encoding="utf-8"), "run `make settings`"


def test_the_readmes_table_is_up_to_date() -> None:
    assert with_table(README) == README, "run `make settings`"


def test_the_page_of_settings_is_up_to_date() -> None:
    assert page() == (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), "run `make settings`"


def test_the_page_has_every_setting_once() -> None:
    named = [line.split("`")[1] for line in page().splitlines() if line.startswith("| `")]
    assert sorted(row.name for row in table()) == sorted(named)


def test_the_readme_has_what_is_needed_and_what_is_common() -> None:
    named = [line.split("`")[1] for line in readme_table().splitlines() if line.startswith("| `")]
    assert [*SECTIONS["What is needed"], *COMMON] == named


def test_every_setting_has_a_meaning() -> None:
    assert [] == [row.name for row in table() if not row.meaning.endswith(".")]


def test_every_setting_has_its_section() -> None:
    """Each stands in one of them, once."""
    assert sorted(row.name for row in table()) == sorted(name for names in SECTIONS.values() for name in names)


def test_the_first_section_has_the_required_settings_and_a_channel() -> None:
    """Whoever fills it in is done."""
    first = next(iter(SECTIONS.values()))
    assert {row.name for row in table() if row.required} | {"SLACK_TEST_CHANNEL"} == set(first)


def test_only_the_first_section_is_filled_in() -> None:
    assert {row.name for row in table() if row.example} == set(next(iter(SECTIONS.values())))


def test_a_copy_of_the_example_can_be_loaded_once_it_is_filled_in(tmp_path: Path) -> None:
    """Even the path with a comment after it."""
    file = tmp_path / ".env"
    file.write_text(env_example())
    names = "SLACK_BOT_TOKEN, SLACK_USER_ID, LOOKER_CLIENT_ID, LOOKER_CLIENT_SECRET"
    with pytest.raises(SettingsError, match=f"malformed: {names}"):
        Settings.load({}, file, tmp_path / "none")
    file.write_text(env_example().replace("your-", "made-up-").replace("U0YOURSELF", "U0OWNER"))
    assert Path("notebooks/verify_credit.ipynb") == Settings.load({}, file, tmp_path / "none").notebook_path


def test_the_example_shows_the_defaults() -> None:
    """Whoever removes a comment sign changes nothing."""
    assert "# POST_SETTLE_SECONDS=900\n" in env_example()
    assert "# ALLOW_SQL_RUNNER=false\n" in env_example()


def test_a_required_setting_has_no_default_in_the_table() -> None:
    assert "| `NOTEBOOK_PATH` | *required* | The Verify notebook. |\n" in readme_table()


def test_the_files_are_rewritten_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands around the table in the README stays."""
    (tmp_path / "README.md").write_text(f"before\n{describe.BEGIN}an old table\n{describe.END}after\n")
    monkeypatch.chdir(tmp_path)
    describe.main()
    expected = f"before\n{describe.BEGIN}{readme_table()}{describe.END}after\n"
    assert expected == (tmp_path / "README.md").read_text()
    assert env_example() == (tmp_path / ".env.example").read_text()
    assert page() == (tmp_path / "docs" / "settings.md").read_text()


def test_a_readme_without_marks_is_not_touched() -> None:
    with pytest.raises(ValueError, match="has no marks"):
        with_table("| Setting | Default | Meaning |\n")
