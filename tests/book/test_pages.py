"""Every page of the built book, opened in headless Chromium."""

import re
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from browser import Browser

from lkutils.book import chapters, parameters
from lkutils.book.pages import build_html, gathered
from lkutils.paper import paths

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt install chromium")

WIDE, PHONE = 1280, 390


@pytest.fixture(scope="module")
def site(request, tmp_path_factory):
    """Folder of the built pages: the one that was asked for, or a book made of smoke chapters."""
    built, run = request.config.getoption("--site"), request.config.getoption("--executed")
    if built:
        return built
    folder = tmp_path_factory.mktemp("site")
    executed = [
        Path(shutil.copy(run / f"{name}.ipynb", folder)) if run else chapters.run_chapter(name, profile="smoke")
        for name in parameters.list_chapters()
    ]
    for path in executed if run else []:
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata["papermill"] |= {"start_time": "2026-01-01T00:00:00", "duration": 0.0}  # nbval notes no times
        nbformat.write(notebook, path)
        chapters.finish(path, key="", read={})
    build_html(gathered(executed, folder), folder / "_build" / "html")
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def pages(site):
    found = [*site.glob("*.html"), *(site / "notebooks").glob("*.html")]
    pages = sorted(page for page in found if page.name not in ("genindex.html", "search.html", "index.html"))
    assert site / "intro.html" in pages
    return pages


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(CHROMIUM, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def test_every_page_loads_with_all_its_images(browser, pages):
    for page in pages:
        browser.open(page, WIDE)
        assert browser.ask("document.querySelector('article h1').innerText"), page
        assert browser.ask("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)") == [], page


def test_pages_need_no_network(browser, pages):
    for page in pages:
        browser.open(page, WIDE)
        fetched = browser.ask("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert [address for address in fetched if not address.startswith("file:")] == [], page


def test_links_between_pages_lead_somewhere(browser, pages):
    for page in pages:
        browser.open(page, WIDE)
        links = browser.ask("[...document.querySelectorAll('a[href]')].map(a => a.href)")
        files = [Path(urlsplit(link).path) for link in links if link.startswith("file:")]
        missing = [str(file) for file in files if not file.exists()]
        assert missing == [], page


def test_figures_are_numbered(browser, site, pages):
    numbers = []
    for page in pages:
        browser.open(page, WIDE)
        numbers += browser.ask("[...document.querySelectorAll('.caption-number')].map(e => e.textContent.trim())")
        unnumbered = "[...document.querySelectorAll('figure')].filter(f => !f.querySelector('.caption-number')).length"
        assert browser.ask(unnumbered) == 0, page
    for name in parameters.list_chapters():
        cells = nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
        count = sum("figure" in cell.metadata.get("mystnb", {}) for cell in cells)
        chapter = name.split("_")[0].lstrip("0").upper()
        expected = [f"Book Fig. {chapter}.{k}" for k in range(1, count + 1)]
        assert [number for number in numbers if number.startswith(f"Book Fig. {chapter}.")] == expected


def test_figures_of_chapters_say_in_words_what_they_show_with_numbers(browser, site):
    for name in parameters.list_chapters():
        browser.open(site / "notebooks" / f"{name}.html", WIDE)
        texts = browser.ask("[...document.querySelectorAll('article figure img')].map(i => i.alt)")
        assert texts, name
        assert [t for t in texts if not re.search(r"\d", t) or re.search(r"[$<>*`\\]|\.png", t)] == [], name


def test_figures_are_sharp_and_formulas_drawn(browser, site):
    browser.open(site / "notebooks" / "01_sparsity.html", WIDE)
    sharpness = browser.ask("[...document.querySelectorAll('figure img')].map(i => i.naturalWidth / i.clientWidth)")
    assert sharpness
    assert min(sharpness) > 1.5
    assert browser.ask("document.querySelectorAll('math').length") > 10
    assert "\\(" not in browser.ask("document.body.innerText")


def test_nothing_is_wider_than_a_phone(browser, pages):
    for page in pages:
        browser.open(page, PHONE)
        assert browser.ask("document.documentElement.scrollWidth") <= PHONE, page


def test_parameters_are_folded_away(browser, site):
    browser.open(site / "notebooks" / "01_sparsity.html", WIDE)
    cells = browser.ask("[...document.querySelectorAll('.tag_parameters')].map(e => !!e.querySelector('details'))")
    assert cells == [True]


def test_pages_describe_themselves_and_have_an_icon(pages):
    described = {}
    for page in pages:
        text = page.read_text()
        found = re.search(r'<meta name="description" content="([^"]+)"', text)
        assert found, page
        described[page.name] = found[1]
        assert f'<meta property="og:description" content="{found[1]}"' in text
        assert re.search(r'<link rel="icon" href="[^"]*favicon\.svg', text), page
    assert len(set(described.values())) == len(described)


def test_the_font_of_formulas_is_here(browser, site):
    browser.open(site / "notation.html", WIDE)
    browser.ask("document.fonts.load('16px \"STIX Two Math\"').then(found => { window.found = found.length }); 0")
    while (count := browser.ask("window.found ?? null")) is None:
        time.sleep(0.05)
    assert count == 1
    assert "STIX" in browser.ask("getComputedStyle(document.querySelector('math')).fontFamily")


def test_the_page_of_all_figures_has_all_figures(browser, site):
    names = []
    for name in parameters.list_chapters():
        cells = nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
        about = [cell.metadata.get("mystnb", {}).get("figure") for cell in cells]
        names += [f"notebooks/{name}.html#{figure['name']}" for figure in about if figure]
    browser.open(site / "gallery.html", WIDE)
    links = browser.ask("[...document.querySelectorAll('.gallery a:has(img)')].map(a => a.getAttribute('href'))")
    assert sorted(links) == sorted(names)
    for link in links:
        page, place = link.split("#")
        assert f'id="{place}"' in (site / page).read_text(), link


def test_folded_figures_are_called_so(site):
    folded = re.compile(r"hide below-input[^>]*>\s*<summary[^>]*>\s*<p[^>]*>(.*?)</p>")
    assert set(folded.findall((site / "notebooks" / "03_tracking.html").read_text())) == {"Show the figures"}
