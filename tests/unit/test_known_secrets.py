"""Known secrets are taken out of a text, however they are spelt there."""

from __future__ import annotations

import html
import json
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.text.known_secrets import Blotter, is_word, know_secrets, passwords_in, secrets_of, without_known_secrets
from tests.support.linear_time import assert_linear

WRITERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in an address": quote,
    "in an address, slashes too": lambda text: quote(text, safe=""),
    "as SQLAlchemy shows it": lambda text: quote(text, safe=" +"),
    "as a browser encodes it": lambda text: quote(text, safe="!'()*~"),
    "in a form": quote_plus,
    "in lower case": lambda text: (
        quote(text, safe="").replace("%2F", "%2f").replace("%25", "%25").replace("%C3", "%c3")
    ),
    "encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "in JSON": json.dumps,
    "in JSON as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "in Python": repr,
    "in Python as bytes": lambda text: repr(text.encode()),
    "in ASCII Python": ascii,
    "in HTML": html.escape,
    "in JSON in HTML": lambda text: html.escape(json.dumps(text)),
    "in HTML in JSON": lambda text: json.dumps(html.escape(text)),
    "in SQL": lambda text: text.replace("'", "''"),
    "to libpq": lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    "to ODBC": lambda text: text.replace("}", "}}"),
    "coloured": lambda text: text.replace("\\", "\x1b[38;5;1m\\\x1b[39m").replace("/", "\x1b[0m/\x1b[1;31m"),
    "in hexadecimal": lambda text: text.encode().hex(),
    "in capital hexadecimal": lambda text: f"0x{text.encode().hex().upper()}",
    "in HTTP's basic login": lambda text: b64encode(f"bot:{text}".encode()).decode(),
    "in another one": lambda text: urlsafe_b64encode(f"robot:{text}".encode()).decode(),
}
PLAIN = st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Z"])
SECRETS = st.builds(
    "{}{}".format,
    st.text(PLAIN, min_size=8, max_size=30),
    st.sampled_from(["/7x", "@7", "'7", '"7', "\\7", "é7", "%7"]),
)


class TestBlotter:
    @pytest.mark.parametrize("secret", ["pa/ss'wörd\\@%7", '{"a" & <b>}; c=1', "\U0001f600 emoji 7"])
    @pytest.mark.parametrize("writer", WRITERS)
    def test_a_secret_goes_however_it_is_spelt(self, writer: str, secret: str) -> None:
        spelt = WRITERS[writer](secret)
        shown = Blotter([secret]).hide(f"before {spelt} after")
        assert ("***" in shown, spelt[1:-1] in shown) == (True, False)

    @given(st.sampled_from(sorted(WRITERS)), SECRETS)
    def test_any_secret_goes_however_it_is_spelt(self, writer: str, secret: str) -> None:
        spelt = WRITERS[writer](secret)
        shown = Blotter([secret]).hide(f"before {spelt} after")
        assert ("***" in shown, spelt[1:-1] in shown) == (True, False)

    @pytest.mark.parametrize("writer", WRITERS)
    def test_a_secret_that_is_known_percent_encoded_goes_too(self, writer: str) -> None:
        """As it stands in WAREHOUSE_URL."""
        assert "***" in Blotter(["pa%2Fss%20w%C3%B6rd7"]).hide(WRITERS[writer]("pa/ss wörd7"))

    @given(before=st.text(), secret=SECRETS, after=st.text())
    def test_what_stands_around_it_stays(self, before: str, secret: str, after: str) -> None:
        shown = Blotter([secret]).hide(f"{before.replace(secret, '')}|{secret}|{after.replace(secret, '')}")
        assert "|***|" in shown

    @given(st.text(string.ascii_letters + " .,;:/@'\"\\%é\n", max_size=200))
    def test_a_text_without_the_secret_stays(self, text: str) -> None:
        assert text == Blotter(["s3cret/passw0rd"]).hide(text)

    @pytest.mark.parametrize("text", ["s3crx2fet7", "s3crnet7", "s3cr et7", "s3cr//et7", "s3cr/et", "S3CR/ET7"])
    def test_what_only_looks_like_the_secret_stays(self, text: str) -> None:
        assert text == Blotter(["s3cr/et7"]).hide(text)

    def test_a_letter_is_no_space(self) -> None:
        assert "pan75s" == Blotter(["pa 75s"]).hide("pan75s")

    def test_bytes_that_are_no_text_are_found(self) -> None:
        """A variable may hold any bytes."""
        assert "***, ***" == Blotter(["\udcffab/cd"]).hide("%FFab%2Fcd, ab/cd")

    def test_lines_that_became_one_line_are_found(self) -> None:
        key = "-----BEGIN KEY-----\nMIIab/c\n-----END KEY-----\n"
        assert "a *** b" == Blotter([key.strip()]).hide(f"a {' '.join(key.split())} b")

    def test_of_secrets_that_contain_each_other_nothing_stays(self) -> None:
        assert "***" == Blotter(["abc-123", "abc-123-xyz"]).hide("abc-123-xyz")

    @pytest.mark.parametrize("word", ["test", "Looker", "ADMIN", "1234", "20251201", "verification", "b", "a/b", ""])
    def test_a_word_stays_where_it_may_be_a_word(self, word: str) -> None:
        """A credit of 1234 and the table test must not become unreadable."""
        text = f"{word} stands in {word}_table, credit {word}.00, https://{word}.example/{word}?x={word}"
        assert (True, text) == (is_word(word), Blotter([word]).hide(text))

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("trino://bot:test@host/test", "trino://bot:***@host/test"),
            ("connect(user='test', passwd='test')", "connect(user='test', passwd='***')"),
            ('{"user": "test", "password": "test"}', '{"user": "test", "password": "***"}'),
            ("Driver={X};PWD={test};DB=test", "Driver={X};PWD={***};DB=test"),
            ("client_secret=test&x=testing", "client_secret=***&x=testing"),
            ("PASSWORD: test", "PASSWORD: ***"),
            ("token=tester", "token=tester"),
        ],
    )
    def test_a_word_goes_where_it_stands_as_a_password(self, text: str, shown: str) -> None:
        assert shown == Blotter(["test"]).hide(text)

    @pytest.mark.parametrize("secret", ["s3cretpw", "pa/ss", "p@ss", "test1", "x" * 17, "123456789", "aBcDeFgH"])
    def test_what_is_no_word_is_a_secret_everywhere(self, secret: str) -> None:
        assert "login failed for bot / ***" == Blotter([secret]).hide(f"login failed for bot / {secret}")

    @pytest.mark.slow
    @pytest.mark.parametrize("part", ["s3cret", "s3cret/", "://", "password=", "\\", "%25", "\x1b[0m", " ", "\\n", "a"])
    def test_a_long_text_takes_no_longer_than_its_length_says(self, part: str) -> None:
        """Also where what repeats stands in the middle of the secret."""
        blotter = Blotter(["s3cret/(( pass\\w0rd", "test"])

        def hide(size: int) -> None:
            for beginning in ("s3cret", "s3cret/", "s3cret/(( ", "s3cret/(( pass", "s3cret/(( pass\\"):
                blotter.hide(beginning + part * (size // len(part)))
                blotter.hide((beginning + part * 9) * (size // 20))

        assert_linear(hide, 40_000)


class TestKnownSecrets:
    def test_of_secrets_only_those_made_known_last_are_known(self) -> None:
        know_secrets(["first-1"])
        know_secrets(["second-2"])
        assert "first-1 ***" == without_known_secrets("first-1 second-2")


class TestPasswordsIn:
    @pytest.mark.parametrize("password", ["secret", "pa/ss", "p:a/s", "pa?ss#x", "pa%2Fss", "100%", "wörd"])
    @pytest.mark.parametrize("address", ["trino://user:{}@host:8080/db", "db+driver://user:{}@host", "redis://:{}@h"])
    def test_the_password_of_an_address_is_found(self, address: str, password: str) -> None:
        assert password in passwords_in(address.format(password))

    def test_the_password_of_each_address_is_found(self) -> None:
        assert ("one-1", "two/2") == passwords_in("redis://:one-1@a,redis://:two/2@b")

    def test_a_password_with_an_at_sign_may_end_at_either(self) -> None:
        """SQLAlchemy ends it at the first, urllib at the last."""
        assert ("p@ss", "p") == passwords_in("trino://user:p@ss@host:8080/db")

    @pytest.mark.parametrize(
        "text",
        [
            "snowflake://bot@account/db?password=s3cret%2F&warehouse=w",
            "duckdb:///md:db?motherduck_token=s3cret%2F",
            "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BX%7D%3BUID%3Dbot%3BPWD%3D%7Bs3cret%2F%7D%3B",
            "host=db user=bot password='s3cret/'",
            '{"type": "service_account", "private_key": "s3cret/"}',
            "AccountName=a;AccountKey=s3cret/;x",
        ],
    )
    def test_the_password_of_a_connection_string_is_found(self, text: str) -> None:
        assert {"s3cret/", "s3cret%2F"} & set(passwords_in(text))

    @pytest.mark.parametrize(
        "text", ["duckdb:////data/w.duckdb", "bigquery://project", "https://host/a:b@c", "/usr/bin:/bin", "the token"]
    )
    def test_what_holds_no_password_gives_none(self, text: str) -> None:
        assert () == passwords_in(text)

    @pytest.mark.slow
    @pytest.mark.parametrize("part", ["://", "://a:", "@", "://a:b@", "password=", "a", ":", "token='"])
    def test_a_long_text_takes_no_longer_than_its_length_says(self, part: str) -> None:
        assert_linear(lambda size: passwords_in(part * (size // len(part))), 40_000)


class TestSecretsOf:
    @pytest.mark.parametrize(
        "name",
        ["PGPASSWORD", "MYSQL_PWD", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "DATABRICKS_TOKEN", "AWS_SECRET_ACCESS_KEY",
         "my_api_key", "GOOGLE_CREDENTIALS"],
    )  # fmt: skip
    def test_a_variable_named_for_a_secret_holds_one(self, name: str) -> None:
        assert ("/made/up+1",) == secrets_of({name: "/made/up+1", "PWD": "/home", "OLDPWD": "/", "EDITOR": "vi"})

    def test_the_path_of_a_file_is_no_secret(self, tmp_path: Path) -> None:
        assert () == secrets_of({"SNOWFLAKE_PRIVATE_KEY_PATH": str(tmp_path), "PASSWORD_STORE_DIR": "~"})

    def test_the_password_in_any_variable_is_a_secret(self) -> None:
        assert ("s3/cret",) == secrets_of({"REPORTING_DB": "postgresql://bot:s3/cret@host/db"})
