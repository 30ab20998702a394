"""Text from outside becomes safe and short enough to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.text import one_line, printable, shorten, without_secrets
from creditbot.text.known_secrets import know_secrets
from tests.support.linear_time import assert_linear

UNSAFE = st.sampled_from(
    ["\x1b[31m", "\x1b", "[31m", "\r", "\n", "\t", " ", "\x00", "\u202e", "\u2028", "\u200b", "\x85", "\ud800", "é",
     "…", "://", "bot:pass@word@", "https://", "@", ":", "/", "password=", "token=", "'", "=", "&", "a", "."]
)  # fmt: skip
TEXT = st.text() | st.lists(UNSAFE, max_size=30).map("".join)
PASSWORD = st.from_regex(r"[a-z0-9]{8,20}", fullmatch=True)


class TestPrintable:
    def test_tabs_and_line_ends_stay(self) -> None:
        assert printable("a\tb\nc") == "a\tb\nc"

    def test_colours_go_with_their_digits(self) -> None:
        assert printable("\x1b[2Ja\x1b[1;31mb") == "ab"

    @pytest.mark.parametrize("character", ["\x00", "\x07", "\r", "\x1b", "\x7f", "\x9b", "\xad", "\u200b", "\u202e"])
    def test_what_a_terminal_obeys_or_hides_goes(self, character: str) -> None:
        assert printable(f"li{character}ne") == "line"

    def test_half_a_character_goes(self) -> None:
        """No encoding takes it."""
        assert printable("a\ud800b") == "ab"

    def test_a_sequence_that_is_left_by_taking_one_out_is_harmless(self) -> None:
        assert printable("\x1b\x1b[0m[31mred") == "[31mred"

    @given(TEXT)
    def test_only_visible_characters_remain(self, text: str) -> None:
        shown = printable(text)
        kinds = {unicodedata.category(character) for character in shown if character not in "\n\t"}
        assert not kinds & {"Cc", "Cs", "Zl", "Zp"}

    @given(TEXT)
    def test_doing_it_twice_changes_nothing(self, text: str) -> None:
        assert printable(text) == printable(printable(text))

    @given(TEXT)
    def test_the_number_of_line_ends_stays(self, text: str) -> None:
        assert text.count("\n") == printable(text).count("\n")


class TestWithoutSecrets:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("trino://bot:s3cret@w.example/db", "trino://***@w.example/db"),
            ("trino://bot:p@ss:w@w.example/db", "trino://***@w.example/db"),
            ("trino://bot:pa/ss@w.example/db", "trino://***@w.example/db"),
            ("https://token@w.example/db", "https://***@w.example/db"),
            ("https://w.example/?user=a&password=s3cret&x=1", "https://w.example/?user=a&password=***&x=1"),
            ("s3://b/k?X-Amz-Signature=abc&X-Amz-Date=1", "s3://b/k?X-Amz-Signature=***&X-Amz-Date=1"),
            ("https://a.blob/c?se=1&sig=abc%3D", "https://a.blob/c?se=1&sig=***"),
            ("Driver={X};PWD=s3cret;UID=a", "Driver={X};PWD=***;UID=a"),
            ("connect(password='s3cret')", "connect(password='***')"),
            ("connect(password='s3 cret', user='a')", "connect(password='***', user='a')"),
            ("Driver={X};PWD={s3;cret};UID=a", "Driver={X};PWD={***};UID=a"),
            ("DefaultEndpointsProtocol=https;AccountKey=ab/c==;x", "DefaultEndpointsProtocol=https;AccountKey=***;x"),
            ("private_key_passphrase=s3cret", "private_key_passphrase=***"),
            ("client_secret=abc&x=1", "client_secret=***&x=1"),
            ("X-Amz-Security-Token=abc", "X-Amz-Security-Token=***"),
        ],
    )
    def test_a_secret_is_replaced(self, text: str, shown: str) -> None:
        assert without_secrets(text) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "https://w.example/a:b@c",
            "https://acme.looker.com:9999/explore/m/v?f[a.email]=a@b",
            "mail dana@acme.example",
            "the password is wrong",
            "https://acme.looker.com/looks/42 (ask @dana)",
            "sigma=2.5",
            "https://acme.looker.com/explore/m/v?f[users.signup_date]=7+days",
            "f[a.signal_type]=sms",
            "df.agg(tokens=('n', 'sum'))",
        ],
    )
    def test_an_address_without_a_secret_stays(self, text: str) -> None:
        assert without_secrets(text) == text

    @pytest.mark.parametrize("safe", [without_secrets, one_line, lambda text: shorten(text, 100)])
    def test_known_secrets_are_replaced(self, safe: Callable[[str], str]) -> None:
        know_secrets(["s3cret-pw"])
        assert "login as bot: ***" == safe("login as bot: s3cret-pw")

    @given(TEXT)
    def test_doing_it_twice_changes_nothing(self, text: str) -> None:
        assert without_secrets(text) == without_secrets(without_secrets(text))

    @pytest.mark.parametrize(
        "part", ["://a:", "://", "password", "password-", ":", "@", "://a:b@", "://a:b/", "token="]
    )
    @pytest.mark.slow
    def test_a_long_text_takes_no_longer_than_its_length_says(self, part: str) -> None:
        assert_linear(lambda size: without_secrets(part * (size // len(part))), 40_000)


class TestOneLine:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("two\n  lines\x1b[31m!", "two lines!"),
            ("a\r\nb \x1b[31mc", "a b c"),
            ("a\x85b\u2028c", "a b c"),
            ("  spaces\taround  ", "spaces around"),
            ("pass\x00word=s3cret", "password=***"),
            ("", ""),
        ],
    )
    def test_everything_stands_on_one_line(self, text: str, shown: str) -> None:
        assert one_line(text) == shown

    def test_a_text_of_just_the_limit_is_not_cut(self) -> None:
        assert one_line("abcde", 5) == "abcde"

    def test_a_cut_shows(self) -> None:
        assert one_line("abcdef", 5) == "abcd…"

    @given(TEXT, st.integers(1, 60))
    def test_the_limit_holds(self, text: str, limit: int) -> None:
        assert len(one_line(text, limit)) <= limit

    @given(TEXT, st.integers(1, 60))
    def test_doing_it_twice_changes_nothing(self, text: str, limit: int) -> None:
        assert one_line(text, limit) == one_line(one_line(text, limit), limit)

    @given(TEXT)
    def test_there_is_no_line_end_and_no_control_character(self, text: str) -> None:
        line = one_line(text)
        kinds = {unicodedata.category(character) for character in line}
        assert not kinds & {"Cc", "Cs", "Zl", "Zp"}

    @given(TEXT, PASSWORD, TEXT)
    def test_no_password_of_an_address_is_shown(self, before: str, password: str, after: str) -> None:
        """Whatever stands around the address, and wherever it is cut."""
        around = before.replace(password, ""), after.replace(password, "")
        assert password not in one_line(f"{around[0]} snowflake://bot:{password}@account/db {around[1]}", 300)


class TestShorten:
    def test_a_short_text_is_only_made_safe(self) -> None:
        assert shorten("a\x1b[31mb\n\tc\x00\ud800", 100) == "ab\n\tc"

    def test_a_cut_says_how_much_is_missing(self) -> None:
        assert shorten("x" * 2_000, 100) == "x" * 100 + "… (1,900 bytes more)"

    def test_a_character_is_not_cut_in_two(self) -> None:
        assert shorten("€€", 4) == "€… (3 bytes more)"

    def test_a_secret_that_a_cut_would_go_through_is_hidden(self) -> None:
        assert shorten("trino://bot:s3cret@w.example", 12) == "trino://***@… (9 bytes more)"

    @given(TEXT, st.integers(0, 60))
    def test_the_limit_holds(self, text: str, limit: int) -> None:
        """But for the words about what is missing."""
        assert len(shorten(text, limit).encode()) <= limit + 40

    @given(TEXT)
    def test_a_text_within_the_limit_stays_as_it_is(self, text: str) -> None:
        safe = shorten(text, 10_000)
        assert safe == shorten(safe, 10_000)
