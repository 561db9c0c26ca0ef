"""The book as one PDF: the articles of all built pages in the order of the contents, printed by Chromium.

``python -m lkutils.book.printed`` prints the built pages; ``make pdf`` builds them first.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from lkutils.paper import paths
from lkutils.storage import replacing

PDF = paths.HTML.parent / "book.pdf"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 600  # seconds
STYLE = """
@page { size: A4; margin: 16mm 15mm 18mm; @bottom-center { content: counter(page); font: 9pt sans-serif; } }
html, body { display: block; height: auto; overflow: visible; font-size: 10pt; }
article + article { break-before: page; }
h1, h2, h3 { break-after: avoid; }
figure, svg, tr, .cell_output > table { break-inside: avoid; }
img { max-width: 100%; max-height: 225mm; object-fit: contain; }
pre, code { white-space: pre-wrap; overflow-wrap: anywhere; }
table { font-size: 7pt; overflow-wrap: anywhere; }
.claims-matrix { overflow: visible; overflow-wrap: normal; }
.claims-matrix td { overflow-wrap: normal; white-space: nowrap; }
details:not([open]), button, form, .headerlink, .visually-hidden, .sd-card-hover { display: none; }
"""


def page_names(book: Path = paths.BOOK) -> list[str]:
    """All pages in the order of the contents, without ending."""
    contents = yaml.safe_load((book / "_toc.yml").read_text())
    return [contents["root"], *(page["file"] for part in contents.get("parts", []) for page in part["chapters"])]


def one_page(html: Path, names: Sequence[str]) -> str:
    """All articles on one page, whose links lead to each other.

    Args:
        html: the folder of the built pages.
        names: of the pages, in order.

    Raises:
        FileNotFoundError: a page was not built.
    """
    pages = {name: (html / f"{name}.html").read_text() for name in names}
    links = [link for link in re.findall("<link [^>]*>", pages[names[0]]) if 'rel="stylesheet"' in link]
    files = [html / re.search(r'href="([^"?]+)', link)[1] for link in links]
    linked = "".join(f'<link rel="stylesheet" href="{file.as_uri()}">' for file in files)
    articles = {name: article(text, name, html, names) for name, text in pages.items()}
    listed = "".join(f'<li><a href="#{anchor(name)}">{title(text)}</a></li>' for name, text in articles.items())
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{title(articles[names[0]])}</title>{linked}<style>{STYLE}</style></head><body>"
        f"<article><h1>Contents</h1><ol>{listed}</ol></article>{''.join(articles.values())}</body></html>"
    )


def article(page: str, name: str, html: Path, names: Sequence[str]) -> str:
    """What a page says, with anchors of its own, images by their full addresses, and all but code unfolded."""
    text = page[page.index(">", page.index("<article")) + 1 : page.index("</article>")]
    folder = posixpath.dirname(name)

    def link(found: re.Match) -> str:
        file, _, place = found[1].partition("#")
        target = posixpath.normpath(posixpath.join(folder, file)).removesuffix(".html") if file else name
        if ":" in found[1]:
            return found[0]
        return f'href="#{anchor(target, place)}"' if target in names else ""  # files to download are not in a PDF

    def source(found: re.Match) -> str:
        return found[0] if ":" in found[1] else f'src="{(html / folder / found[1]).resolve().as_uri()}"'

    text = re.sub(r"<script.*?</script>| loading=\"lazy\"|</?noscript>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{anchor(name, found[1])}"', text)
    text = re.sub(r'\bhref="([^"]*)"', link, text)
    text = re.sub(r'\bsrc="([^"]*)"', source, text)
    text = re.sub(r'<details(?= class="(?:claim|sd-|admonition hide below))', "<details open", text)
    return f'<article class="bd-article" id="{anchor(name)}">{text}</article>'


def anchor(name: str, place: str = "") -> str:
    """Where a page, or a place on it, is to be found among all pages.

    Example:
        >>> anchor("notebooks/02_layers", "what-we-found")
        'notebooks-02_layers--what-we-found'
    """
    return "--".join(filter(None, [name.replace("/", "-"), place]))


def title(text: str) -> str:
    """The first heading of a page, without its link."""
    return re.sub(r"<a .*?</a>|<[^>]+>", "", re.search(r"<h1.*?>(.*?)</h1>", text, re.DOTALL)[1]).strip()


def write_pdf(html: Path = paths.HTML, pdf: Path = PDF, names: Sequence[str] = ()) -> None:
    """Print built pages.

    Args:
        html: their folder.
        pdf: the file to write.
        names: of the pages; all of the book's when empty.

    Raises:
        FileNotFoundError: no Chromium, or no built pages.
        RuntimeError: Chromium did not print.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise FileNotFoundError("a PDF is printed by Chromium, which is not here; on Debian: apt install chromium")
    if not (html / "index.html").exists():
        raise FileNotFoundError(f"there are no pages in {html} to print; make book builds them")
    with tempfile.TemporaryDirectory() as folder, replacing(pdf) as temporary:
        page = Path(folder, "book.html")
        page.write_text(one_page(html, names or page_names()))
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-pdf-header-footer"]
        flags += ["--generate-pdf-document-outline", f"--user-data-dir={folder}/profile", f"--print-to-pdf={temporary}"]
        ran = subprocess.run(
            [program, *flags, page.as_uri()], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if ran.returncode != 0 or not temporary.exists() or not temporary.stat().st_size:
            raise RuntimeError(f"{program} printed nothing:\n{ran.stderr}")


if __name__ == "__main__":
    write_pdf()
    print(f"The book as a PDF: {PDF}")
