"""Formulas as MathML, which browsers draw by themselves: the pages need no script from the network."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError


def to_mathml(source: str, **options: bool) -> str:
    """Translate a formula; the error names the one that uses a command unknown to the translator."""
    try:
        return tex2mathml(source, **options)
    except SyntaxError as error:
        raise ExtensionError(f"cannot write the formula {source!r} as MathML: {error}") from error


def visit_inline(writer, node):
    """Write a formula within a line."""
    writer.body.append(to_mathml(node.astext()))
    raise nodes.SkipNode


def visit_block(writer, node):
    """Write a formula on a line of its own, with its number if it has one."""
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    anchor = f' id="equation-{node["label"]}"' if node.get("label") else ""
    writer.body.append(
        f'<div class="formula"{anchor} tabindex="0">{to_mathml(node.astext(), as_block=True)}{number}</div>\n'
    )
    raise nodes.SkipNode


def setup(app):
    """Register the renderer; `html_math_renderer: mathml` chooses it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
