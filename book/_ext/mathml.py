"""Formulas as MathML, which browsers draw by themselves: the pages need no script from the network."""

from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError


def to_mathml(source: str, **options: bool) -> str:
    """Translate a formula, naming it in the error if it uses a command that the translator does not know."""
    try:
        return tex2mathml(source, **options)
    except SyntaxError as error:
        raise ExtensionError(f"cannot write the formula {source!r} as MathML: {error}") from error


def visit_inline(writer, node):
    """Write a formula within a line."""
    writer.body.append(to_mathml(node.astext()))
    raise nodes_skipped()


def visit_block(writer, node):
    """Write a formula on lines of its own, with its number if it has one."""
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    identifier = f' id="equation-{node["label"]}"' if node.get("label") else ""
    formula = to_mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="math"{identifier}>{number}{formula}</div>\n')
    raise nodes_skipped()


def nodes_skipped() -> Exception:
    """What a visitor raises when it has written a node completely."""
    from docutils.nodes import SkipNode

    return SkipNode()


def setup(app):
    """Register the renderer; `html_math_renderer: mathml` chooses it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
