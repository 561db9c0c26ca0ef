"""Tables in Markdown, the only place where they are made: whatever a name or a sentence holds, it stays in its cell."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from IPython.display import Markdown

# What Markdown, formulas or a table could take for markup; an underscore within a word is none.
MARKUP = re.compile(r"([\\`*{}\[\]$|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
NUMBER = re.compile(r"[-+−]?\d[\d.,e+−-]*(?: ?%)?")
RULES = {"l": "---", "r": "---:", "c": ":---:"}


def table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str | None = None) -> Markdown:
    r"""A table as a cell of a chapter shows it; ``.data`` is its text.

    A cell is a value, and shown as it is: what Markdown, HTML or a formula would make of its characters is escaped.
    Where markup is meant (bold, a link, a formula), the cell is a ``Markdown`` object. Headings are Markdown.

    Args:
        header: one heading for each column.
        rows: one value for each column; None becomes a dash. Numbers are formatted by the caller, with their digits.
        align: a letter for each column: l, r or c. When left out, columns of numbers are aligned right, others left.

    Raises:
        ValueError: a row or ``align`` has not one entry for each column.

    Example:
        >>> print(table(["Game", "$n$", "Verdict"], [["a|b", 10, Markdown("**holds**")]]).data)
        | Game | $n$ | Verdict |
        |---|---:|---|
        | a\|b | 10 | **holds** |
    """
    texts = [[cell_text(value) for value in row] for row in rows]
    wrong = next((row for row in [*texts, *([align] if align is not None else [])] if len(row) != len(header)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} has {len(wrong)} entries, but the table has {len(header)} columns: {list(header)}")
    if align is None:
        align = "".join("r" if is_numeric(column) else "l" for column in columns(texts, len(header)))
    if set(align) - set(RULES):
        raise ValueError(f"align={align!r} should consist of {', '.join(RULES)}")
    lines = [line(cell_text(Markdown(heading)) for heading in header), f"|{'|'.join(RULES[side] for side in align)}|"]
    return Markdown("\n".join([*lines, *map(line, texts)]))


def escape(value: object) -> str:
    r"""A value as text that Markdown shows as it is, on one line.

    Example:
        >>> escape("<b> 2*3 [x](y)")
        '&lt;b&gt; 2\\*3 \\[x\\](y)'
    """
    return html.escape(MARKUP.sub(r"\\\1", " ".join(str(value).split())), quote=False)


def escape_html(value: object) -> str:
    r"""A value as text inside HTML that stands in Markdown: on one line, since a blank one would end the HTML there.

    Example:
        >>> escape_html("<b>\n\n*one*")
        '&lt;b&gt; *one*'
    """
    return html.escape(" ".join(str(value).split()))


def cell_text(value: object) -> str:
    """What stands between two bars: markup as it is but for its bars and line ends, anything else escaped."""
    if isinstance(value, Markdown):
        return re.sub(r"(?<!\\)\|", r"\\|", " ".join(value.data.split()))
    return "–" if value is None else escape(value)


def columns(texts: list[list[str]], count: int) -> list[list[str]]:
    """The same cells by column."""
    return [[row[k] for row in texts] for k in range(count)]


def is_numeric(texts: list[str]) -> bool:
    """Whether a column holds numbers, and nothing else but dashes."""
    return any(map(NUMBER.fullmatch, texts)) and all(text == "–" or NUMBER.fullmatch(text) for text in texts)


def line(texts: Iterable[str]) -> str:
    """One row of the table."""
    return f"| {' | '.join(texts)} |"
