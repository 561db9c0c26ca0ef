"""Every page of a built book, put to axe-core: light and dark, on a phone and on a desk (`make test-browser`)."""

import shutil
import time
from pathlib import Path

import pytest
from browser import Browser

from lkutils.paper import paths

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = paths.ROOT / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt install chromium"),
    pytest.mark.skipif(not AXE.exists(), reason="no axe-core here; npm ci fetches it"),
]
FIND = """axe.run({resultTypes: ['violations']}).then(found => { window.found = found.violations
    .filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes[0].html.slice(0, 200)]); }); 0"""
HEAVIEST = 1.5e6  # bytes of a page with its scripts and styles, without figures


@pytest.fixture(scope="module")
def pages(request):
    site = request.config.getoption("--site")
    if not site:
        pytest.skip("no built book was named; make test-browser names one")
    found = [*site.glob("*.html"), *(site / "notebooks").glob("*.html")]
    pages = sorted(page for page in found if page.name not in ("genindex.html", "index.html"))
    assert pages
    return pages


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(CHROMIUM, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_no_page_has_a_serious_violation(browser, pages, mode, width):
    violations = {}
    for page in pages:
        browser.open(page, width)
        browser.ask(f"document.documentElement.dataset.theme = '{mode}'")
        browser.ask(f"{AXE.read_text()}; 0")
        time.sleep(0.4)  # colours change gradually
        browser.ask(FIND)
        while (found := browser.ask("window.found ?? null")) is None:
            time.sleep(0.05)
        if found:
            violations[page.name] = found
    assert violations == {}


def test_no_page_is_heavy(browser, pages):
    for page in pages:
        browser.open(page, 1400)
        linked = "[...document.querySelectorAll('script[src], link[rel=stylesheet]')].map(e => e.src || e.href)"
        names = {name.split("?")[0].removeprefix("file://") for name in browser.ask(linked)}
        assert len(names) > 5
        files = [page, *map(Path, names)]
        figures = page.read_bytes().count(b"data:image/png")
        assert figures == 0, page
        assert sum(file.stat().st_size for file in files) < HEAVIEST, page
