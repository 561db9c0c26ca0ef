"""The book as a PDF: pages made by hand, and with `--site` the real ones."""

import re
import shutil
from pathlib import Path

import pytest

from lkutils.book import printed

needs_chromium = pytest.mark.skipif(not any(map(shutil.which, printed.PROGRAMS)), reason="no Chromium here")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PAGE = """<html><head><link rel="stylesheet" href="{up}_static/a.css?v=1"></head><body><nav>left out</nav>
<article class="bd-article"><h1>{title}<a class="headerlink" href="#top">#</a></h1>{text}</article></body></html>"""


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "html"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "_static").mkdir()
    (folder / "_static" / "a.css").write_text("h1 { color: red; }")
    (folder / "index.html").write_text("")
    first = '<p id="top"><a href="notebooks/two.html#fig">see</a> <a href="https://example.org">out</a></p>'
    second = (
        f'<figure id="fig"><img alt="a" src="data:image/png;base64,{PIXEL}"></figure><a href="../one.html">back</a>'
        '<a href="../_downloads/x.csv">data</a><img src="../_images/y.png"><script>gone()</script>'
        '<details class="claim"><summary>s</summary>inside</details><details><summary>t</summary>numbers</details>'
    )
    (folder / "one.html").write_text(PAGE.format(up="", title="One", text=first))
    (folder / "notebooks" / "two.html").write_text(PAGE.format(up="../", title="Two", text=second))
    return folder


def test_links_lead_to_anchors_of_the_one_page(site):
    page = printed.one_page(site, ["one", "notebooks/two"])
    anchors = set(re.findall(r' id="([^"]+)"', page))
    links = re.findall(r'<a[^>]* href="#([^"]+)"', page)
    assert set(links) == {"one", "notebooks-two", "one--top", "notebooks-two--top", "notebooks-two--fig"}
    assert set(links) - anchors == {"notebooks-two--top"}  # the page by hand has none
    assert 'href="https://example.org"' in page
    assert "x.csv" not in page
    assert f'src="{(site / "_images" / "y.png").as_uri()}"' in page
    assert f'href="{(site / "_static" / "a.css").as_uri()}"' in page


def test_menus_and_scripts_are_left_out_and_claims_unfolded(site):
    page = printed.one_page(site, ["one", "notebooks/two"])
    assert "left out" not in page
    assert "gone()" not in page
    assert '<details open class="claim">' in page
    assert "<details><summary>t" in page


def test_the_contents_of_this_book_name_every_chapter():
    names = printed.page_names()
    assert names[0] == "intro"
    assert {"claims", "gallery", "notebooks/01_sparsity", "api"} <= set(names)


@needs_chromium
def test_a_pdf_has_pages_links_pictures_and_an_outline(site):
    pdf = site.parent / "book.pdf"
    printed.write_pdf(site, pdf, ["one", "notebooks/two"])
    content = pdf.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == 3
    assert content.count(b"/Subtype /Link") >= 4
    assert b"/Subtype /Image" in content
    assert all(title in content for title in (b"(Contents)", b"(One)", b"(Two)"))


def test_what_is_missing_is_named_and_nothing_written(site, monkeypatch):
    pdf = site.parent / "book.pdf"
    (site / "index.html").unlink()
    if any(map(shutil.which, printed.PROGRAMS)):
        with pytest.raises(FileNotFoundError, match="make book"):
            printed.write_pdf(site, pdf)
    monkeypatch.setattr(printed, "PROGRAMS", ("no-such-program",))
    with pytest.raises(FileNotFoundError, match="apt install chromium"):
        printed.write_pdf(site, pdf)
    assert not pdf.exists()


@needs_chromium
def test_the_real_book_is_printed_with_all_its_figures(request, tmp_path):
    site = request.config.getoption("--site")
    if not site:
        pytest.skip("no built book was named; make test-browser names one")
    site = Path(site).resolve()
    pdf = tmp_path / "book.pdf"
    printed.write_pdf(site, pdf)
    content = pdf.read_bytes()
    figures = sum(page.read_text().count("<figure ") for page in site.rglob("*.html"))
    assert figures > 0
    assert content.count(b"/Subtype /Image") >= figures
    assert len(re.findall(rb"/Type /Page\b", content)) > 2 * len(printed.page_names())
    titles = [printed.title((site / f"{name}.html").read_text()) for name in printed.page_names()]
    plain = [title for title in titles if title.isascii() and not re.search(r"[()&\\]", title)]
    assert len(plain) > 10
    assert [title for title in plain if f"({title})".encode() not in content] == []
