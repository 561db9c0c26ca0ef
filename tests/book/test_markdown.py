"""A table holds what it was given, whatever the text; read back by the parser that renders the book."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.display import Markdown
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from lkutils.book.markdown import table

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(dollarmath_plugin)
HOSTILE = [
    "a|b",
    "<script>alert(1)</script>",
    "[x](javascript:y)",
    "$|v|$",
    "`*_~~",
    "\\|",
    "two\nlines",
    "![i](u)",
    "",
]


def cells(markdown):
    """The text of every cell, read back; fails where a cell holds anything but text."""
    inline = [token for token in PARSER.parse(markdown.data) if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children}
    assert kinds <= {"text", "text_special"}, kinds
    return ["".join(child.content for child in token.children) for token in inline]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_shows_its_text_and_nothing_else_happens(text):
    assert cells(table(["A", "B"], [[text, "end"]])) == ["A", "B", " ".join(text.split()), "end"]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc", "Zs"])))
def test_any_text_comes_back(text):
    assert cells(table(["A", "B"], [[text, "end"]])) == ["A", "B", " ".join(text.split()), "end"]


def test_columns_of_numbers_stand_right():
    rows = [["a", 1, "12.50 %", "1.0e-05", None], ["b", -20, "3 %", "0", "–3"]]
    assert table("vwxyz", rows).data.splitlines()[1] == "|---|---:|---:|---:|---|"
    assert table("vwxyz", rows, "rlccc").data.splitlines()[1] == "|---:|---|:---:|:---:|:---:|"


def test_markup_is_kept_where_it_is_meant_and_cannot_leave_its_cell():
    made = table(["$|v|$"], [[Markdown("**holds** | [page](x.md)\n\n# no")]]).data.splitlines()
    assert made == [r"| $\|v\|$ |", "|---|", r"| **holds** \| [page](x.md) # no |"]


def test_a_table_without_rows_and_one_without_a_cell():
    assert table(["A", "B"], []).data == "| A | B |\n|---|---|"
    with pytest.raises(ValueError, match="has 1 entries, but the table has 2 columns"):
        table(["A", "B"], [["only"]])
    with pytest.raises(ValueError, match="'l' has 1 entries"):
        table(["A", "B"], [], align="l")
    with pytest.raises(ValueError, match="should consist of l, r, c"):
        table(["A"], [], align="x")
