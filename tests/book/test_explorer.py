"""The page "Explore" in headless Chromium: what it shows is what Python computes."""

import json
import re
import shutil
import time

import numpy as np
import pytest
from browser import Browser

from lkutils import metrics
from lkutils.book import explorer
from lkutils.games import interactions as interactions_of
from lkutils.paper import paths, shipped

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt install chromium")

GAMES = ["mnist/mlp7", "sst2/distilbert"]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Explore</title>
<script src="_static/explore.js"></script><div id="explorer" class="explore"></div>
<script src="_static/explore/index.js" defer></script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page with nothing of the book around it."""
    folder = tmp_path_factory.mktemp("explore")
    explorer.write_explorer(GAMES, folder / "_static" / "explore", samples=2)
    shutil.copy(paths.BOOK / "_static" / "explore.js", folder / "_static")
    (folder / "explore.html").write_text(PAGE)
    return folder / "explore.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(CHROMIUM, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def opened(browser, page):
    """A function that opens the page as it is for a new visitor, and chooses things in the address."""

    def choose(**chosen):
        browser.open(page)
        address = "&".join(f"{key}={value}" for key, value in chosen.items())
        browser.ask(f"location.hash = {json.dumps(address)}")
        wait(browser, f"!!document.querySelector('.bar') && {json.dumps(chosen.get('game', GAMES[0]))} in explored")
        time.sleep(0.2)  # the address is read in a task of its own
        return browser

    return choose


def wait(browser, condition):
    for _ in range(100):
        if browser.ask(condition):
            return
        time.sleep(0.05)
    raise AssertionError(f"it never became true that {condition}")


def expected(name, number, layer, tau):
    """The salient interactions of a layer, the strongest first: kind, coalition and strength; and all strengths."""
    game = shipped.load_game(name)
    found = interactions_of(game, caches=shipped.CACHES)["interactions"].isel(sample=[number])
    threshold = metrics.salience_threshold(found, tau / 1000)
    salient = found.where(metrics.salient(found, threshold), 0).isel(sample=0)
    of_layer = salient.isel(layer=layer).stack(place=["kind", "coalition"])
    places = of_layer["place"].values[np.argsort(-abs(of_layer.values), kind="stable")]
    return [place for place in places if of_layer.sel(place=place) != 0], salient


@needs_chromium
@pytest.mark.parametrize(("name", "number", "layer", "tau"), [(GAMES[0], 1, 2, 50), (GAMES[1], 0, 6, 120)])
def test_the_page_shows_the_interactions_that_python_computes(opened, name, number, layer, tau):
    browser = opened(game=name, sample=number, layer=layer, tau=tau)
    shown = browser.ask("[...document.querySelectorAll('.list button')].map(b => b.dataset.key)")
    places, salient = expected(name, number, layer, tau)
    assert sorted(shown) == sorted(f"{kind}-{coalition}" for kind, coalition in places)
    for kind, coalition in places[:3]:
        browser.ask(f"document.querySelector('[data-key=\"{kind}-{coalition}\"]').click()")
        bars = browser.ask("[...document.querySelectorAll('.bar')].map(b => Number(b.dataset.effect))")
        effects = salient.sel(kind=kind, coalition=coalition)
        largest = abs(metrics.nonempty(salient)).max(["kind", "coalition"])
        assert np.all(abs(np.array(bars) - effects.values) <= largest.values / 1000 + 1e-5)
        heights = browser.ask("[...document.querySelectorAll('.bar')].map(b => Number(b.getAttribute('height')))")
        assert np.allclose(heights, abs(np.array(bars)) / np.max(np.abs(bars)) * max(heights), atol=1e-3)
        inside = browser.ask("[...document.querySelectorAll('.player')].map(p => p.classList.contains('in'))")
        assert inside == [bool(coalition >> player & 1) for player in range(len(inside))]


@needs_chromium
def test_sliders_change_what_is_shown_and_the_address(opened):
    browser = opened(game=GAMES[0], sample=0, layer=0, tau=50)
    count = "document.querySelectorAll('.list button').length"
    before = browser.ask(count)
    move = "(([id, to]) => {{ const s = document.getElementById(id); s.value = to; s.oninput(); }})({})"
    browser.ask(move.format(["explore-tau", 400]))
    assert 0 < browser.ask(count) < before
    browser.ask(move.format(["explore-layer", 6]))
    places, _ = expected(GAMES[0], 0, 6, 400)
    assert browser.ask(count) == len(places)
    assert re.search(r"layer=6&tau=400", browser.ask("location.hash"))


@needs_chromium
def test_an_address_with_nonsense_shows_the_first_game(opened):
    browser = opened(sample=99, layer="<b>", tau=-3, pick="constructor")
    assert browser.ask("document.querySelectorAll('.list button').length") > 0
    browser.ask("location.hash = 'game=__proto__'")
    time.sleep(0.2)
    assert "game=mnist%2Fmlp7" in browser.ask("location.hash")


@needs_chromium
def test_it_can_be_used_with_keys_and_asks_nobody(opened):
    browser = opened(game=GAMES[0])
    controls = browser.ask("[...document.querySelectorAll('select,input,.list button')].every(e => e.tabIndex === 0)")
    assert controls
    unnamed = "[...document.querySelectorAll('select,input')].filter(e => !e.labels[0]?.innerText.trim()).length"
    assert browser.ask(unnamed) == 0
    browser.ask("document.querySelectorAll('.list button')[1].focus(); document.activeElement.click()")
    assert browser.ask("document.activeElement.getAttribute('aria-pressed')") == "true"  # it keeps the focus
    linked = "[...document.querySelectorAll('script,link,image')].map(e => e.src || e.href?.baseVal || e.href)"
    fetched = browser.ask(linked)
    assert len(fetched) >= 3
    assert [address for address in fetched if not address.startswith("file:")] == []


def test_names_are_never_markup():
    code = (paths.BOOK / "_static" / "explore.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", code)


def test_rounding_never_changes_what_is_salient():
    found = interactions_of(shipped.load_game("mnist/vgg11"), caches=shipped.CACHES)["interactions"].isel(sample=[3])
    _, rows = explorer.salient_rows(found.isel(sample=0))
    for tau in (50, 100, 250, 500):
        salient = metrics.salient(found, metrics.salience_threshold(found, tau / 1000)).sum(["kind", "coalition"])
        assert (abs(np.array(rows)[:, 2:]) > tau).sum(axis=0).tolist() == salient.values[:, 0].tolist()
