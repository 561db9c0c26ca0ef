"""What themes put into every page and this book does not need, or what keeps a page from being read by everyone."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

# In the built pages, each with its reason.
CHANGES = [
    # A script of 1.5 MB that draws all icons there are; `icons.css` has those of the pages.
    (r'<script defer src="[^"]*fontawesome\.js[^"]*"></script>\n?', ""),
    # Settings of Thebe, which runs code on another host; no page uses it.
    (r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = [^<]*</script>', ""),
    # A list may only have list items below it (axe: aria-required-children).
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    # What is folded below a cell's code are its figures.
    (
        r"(hide below-input[^>]*>\s*<summary[^>]*>\s*<p[^>]*>)Show the code(</p>\s*<p[^>]*>)Hide the code",
        r"\1Show the figures\2Hide the figures",
    ),
    # A button is to be called what is written on it (axe: label-content-name-mismatch).
    (r' aria-label="(?:Color mode|Search|Toggle hidden content)"', ""),
]
ICON = re.compile(r'class="[^"]*\b(fa-(?!solid|brands|regular|lg\b|fw\b)[a-z0-9-]+)')


def without_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Leave out the scripts and styles of Thebe; its address on another host stood there twice."""
    for files in ("script_files", "css_files"):
        context[files] = [f for f in context.get(files, []) if "thebe" not in written(f)]


def written(file: object) -> str:
    """A linked file's name, or a script's text, in small letters."""
    attributes = getattr(file, "attributes", {})
    return f"{getattr(file, 'filename', file)} {attributes.get('body', '')}".lower()


def icons(script: str, names: set[str]) -> str:
    """A style sheet with the named icons of Font Awesome, taken from its script."""
    rules = [
        "/* Icons of Font Awesome Free, CC BY 4.0, https://fontawesome.com/license/free */",
        ".fa-solid, .fas, .fa-regular, .fa-brands { display: inline-block; width: 1em; height: 1em; background: "
        "currentColor; mask: var(--icon) center / contain no-repeat; vertical-align: -0.125em; }",
        ".fa-lg { font-size: 1.25em; }",
    ]
    for name in sorted(names):
        found = re.search(rf'"?{re.escape(name[3:])}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]', script)
        if found:
            width, height, path = found.groups()
            picture = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}'><path d='{path}'/></svg>"
            address = picture.replace("<", "%3C").replace(">", "%3E")
            rules.append(f'.{name} {{ --icon: url("data:image/svg+xml,{address}"); }}')
    return "\n".join(rules) + "\n"


def make_lean(app: Sphinx, exception: Exception | None) -> None:
    """Change the built pages and write the icons that they show."""
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    script = (static / "scripts" / "fontawesome.js").read_text()
    code = (static / "scripts" / "pydata-sphinx-theme.js").read_text()
    names = set(re.findall(r"fa-[a-z0-9-]+", code))
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text()
        names |= set(ICON.findall(text)) | set(re.findall(r"\bfa-[a-z0-9-]+", text))
        for pattern, replacement in CHANGES:
            text = re.sub(pattern, replacement, text, flags=re.DOTALL)
        page.write_text(text)
    (static / "icons.css").write_text(icons(script, names))


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_css_file("icons.css")
    app.connect("html-page-context", without_thebe, priority=901)
    app.connect("build-finished", make_lean)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
