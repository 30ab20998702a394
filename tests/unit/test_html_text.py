"""What is read out of a notebook's HTML: its texts and its tables, and nothing that a browser would obey."""

from __future__ import annotations

import pytest

from creditbot.evidence.html_text import MOST_COLUMNS, MOST_ROWS, MOST_TABLES, ShownTable, read_html
from tests.support.linear_time import assert_linear


def table_in(text: str) -> ShownTable:
    (table,) = (part for part in read_html(text) if isinstance(part, ShownTable))
    return table


def texts(text: str) -> list[list[str]]:
    """The texts of the only table."""
    return [[cell.text for cell in row] for row in table_in(text).rows]


def test_a_table_of_pandas_keeps_its_names_and_values() -> None:
    html = (
        '<div><style scoped>td {color: red}</style><table border="1" class="dataframe"><thead>'
        "<tr><th></th><th>mode</th><th>credit</th></tr></thead>"
        "<tbody><tr><th>0</th><td>basic</td><td>$4,948.80</td></tr></tbody></table></div>"
    )
    assert texts(html) == [["", "mode", "credit"], ["0", "basic", "$4,948.80"]]
    assert len(read_html(html)) == 1


def test_amounts_and_their_headings_are_aligned_to_the_right() -> None:
    table = table_in("<table><tr><th>prefix<th>cost<tr><td>+62<td>$1,204.50</table>")
    assert [[cell.number for cell in row] for row in table.rows] == [[False, True], [False, True]]


def test_cells_that_cover_several_keep_doing_so() -> None:
    table = table_in('<table><tr><th colspan="2" rowspan=9999>both</th></tr></table>')
    assert (table.rows[0][0].columns, table.rows[0][0].rows) == (2, MOST_ROWS)


def test_text_around_tables_keeps_its_place() -> None:
    parts = read_html("before<br>it<table><tr><td>1</table><p>after</p>")
    assert [part if isinstance(part, str) else "table" for part in parts] == ["before\nit", "table", "after"]


def test_a_table_in_a_cell_becomes_text_of_that_cell() -> None:
    assert texts("<table><tr><td>a<table><tr><td>b</td></tr></table></td><td>c</td></tr></table>") == [["a b", "c"]]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>alert(1)</script>",
        "<SCRIPT src=x>alert(1)</SCRIPT >",
        "<style>@import 'x'</style>",
        "<iframe srcdoc='<p>hi</p>'></iframe>",
        "<svg><text>hi</text></svg>",
        "<!-- <b>hi</b> -->",
        "<script>never closed",
        "<!-- never closed",
    ],
)
def test_what_a_browser_would_run_or_hide_is_dropped(hidden: str) -> None:
    assert read_html(f"seen{hidden}") == ["seen"]


def test_tags_and_their_attributes_leave_nothing() -> None:
    assert read_html("<img src=x onerror=alert(1)>a<b onclick='x()'>b</b>") == ["ab"]


def test_escaped_markup_is_text() -> None:
    assert read_html("&lt;script&gt;alert(1)&lt;/script&gt;") == ["<script>alert(1)</script>"]


def test_what_is_no_tag_is_text() -> None:
    assert read_html("a < b and c > d") == ["a < b and c > d"]


def test_rows_beyond_the_limit_are_counted() -> None:
    table = table_in("<table>" + "<tr><td>1</td></tr>" * (MOST_ROWS + 1234) + "</table>")
    assert (len(table.rows), table.more_rows) == (MOST_ROWS, 1234)


def test_columns_beyond_the_limit_are_counted() -> None:
    table = table_in("<table><tr>" + "<td>1</td>" * (MOST_COLUMNS + 5) + "</tr></table>")
    assert (len(table.rows[0]), table.more_cells) == (MOST_COLUMNS, 5)


def test_a_long_cell_is_cut() -> None:
    assert len(texts("<table><tr><td>" + "x" * 5000 + "</td></tr></table>")[0][0]) == 160


def test_only_the_first_tables_of_many_are_shown() -> None:
    assert len(read_html("<table><tr><td>1</td></tr></table>" * 500)) == MOST_TABLES


def test_an_empty_table_is_not_shown() -> None:
    assert read_html("<table></table><table><tr></tr></table>") == []


def test_cells_outside_of_rows_are_not_shown() -> None:
    assert read_html("<table><td>1</table>") == []


def test_a_table_that_never_ends_is_shown_as_far_as_it_goes() -> None:
    assert texts("<table><tr><td>1<td>2") == [["1", "2"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<a x='",
        "<a'",
        "<a" * 200 + "'",
        "<a x='" + "y" * 499 + "'",
        "<!--",
        "<?",
        "</a",
        "<",
        "<table>",
        "<td>",
        "<script>",
        "&#",
        "<![CDATA[",
        "a",
    ],
)
def test_hostile_html_is_read_in_linear_time(piece: str) -> None:
    """html.parser takes minutes for some of these."""
    assert_linear(lambda size: read_html("<" + piece * (size // len(piece))), 40_000)
