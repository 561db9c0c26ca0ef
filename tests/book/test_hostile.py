"""A game whose every string is a script: nothing of it runs on a page, and readers see what was written."""

import base64
import io
import re
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest
import xarray as xr
from browser import Browser
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import lkutils as lk
from lkutils.book import claims_page, explorer, matrix, verdicts
from lkutils.book.markdown import table
from lkutils.book.pages import build_html
from lkutils.book.strips import strips
from lkutils.claims import registry
from lkutils.claims.verdicts import Measured, Verdict
from lkutils.figures import layers
from lkutils.games import Label
from lkutils.paper import paths, shipped

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCRIPT = "</script><img src=x onerror='hacked=1'><script>hacked=2</script>"
NAMES = [
    SCRIPT,
    f"`{SCRIPT}`",
    f"$\\href{{javascript:hacked=3}}{{x}}$ {SCRIPT}",
    f"[a](javascript:hacked=4) {{raw}}`html` |{SCRIPT}| \\",
    f"\n\n```{{raw}} html\n{SCRIPT}\n```\n",
    f'" onmouseover="hacked=5" {SCRIPT}',
    f"--> ]]> {{{{ 7 * 7 }}}} {SCRIPT}",
]


@pytest.fixture
def game(monkeypatch):
    """Small, but with scripts wherever a string may be."""
    name = "evil/one"
    values = np.random.default_rng(0).normal(size=(2, 2, 8)) ** 3
    game = xr.Dataset(
        {
            "values": (("layer", "sample", "coalition"), values),
            "players": (("sample", "position"), np.array([[0, 1, 2]] * 2)),
            "player_name": ("player", NAMES[:3]),
            "label": ("sample", [0, 1]),
            "probe_accuracy": ("layer", [0.5, 0.9]),
        },
        {"layer": [NAMES[3], "output"], "sample": [0, 1], "coalition": range(8)},
        {"name": SCRIPT, "dataset": NAMES[5], "network": NAMES[6], "weights": NAMES[1], "settings": "{}"},
    )
    monkeypatch.setattr(shipped, "load_game", lambda asked: game)
    monkeypatch.setattr(shipped, "CACHES", ())
    return name, game


def outputs(name, game, monkeypatch):
    """All ways in which chapters and pages write about a game."""
    label, found = shipped.label_of(game), lk.interactions(game)
    others = [Label(NAMES[4], NAMES[2]), Label("a data set", NAMES[0])]
    claim = registry.CLAIMS[0]
    measured = (Measured(-0.2, -0.1, -0.05, 30, "no"),) * len(claim.rule.tests)
    verdict = Verdict(claim, "", dict.fromkeys([label, *others], measured))
    shown = []
    monkeypatch.setattr(verdicts, "display", lambda part, metadata=None: shown.append(part.data))
    verdicts.show([verdict])
    texts = [
        table(["Network", "Layer"], [[text, layer] for text in NAMES for layer in game["layer"].values]).data,
        table(["Game", "Name", "Weights"], [[label, game.attrs["name"], game.attrs["weights"]]]).data,
        explorer.strongest([name]),
        *shown,
        claims_page.claim_block(claim, [(verdict, Path("01_sparsity.ipynb"))], {}),
        matrix.matrix([claim], {claim.id: [(verdict, verdict)]}, "Claims"),
        matrix.filters([verdict]),
        strips(verdict),
    ]
    yield from (("text/markdown", text) for text in texts)
    yield "text/html", lk.top(found, 0).to_html()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt install chromium")
def test_no_string_of_a_game_runs_on_a_page(game, tmp_path, monkeypatch):
    name, evil = game
    cells = [new_markdown_cell("# A game of scripts")]
    for kind, text in outputs(name, evil, monkeypatch):
        shown = new_output("display_data", {kind: text, "text/plain": "text"})
        cells.append(new_code_cell("1", outputs=[shown], execution_count=1))
    curve = xr.DataArray([0.5, 0.75], {"layer": [NAMES[3], "output"]}, ("layer",))
    figure, png = layers.by_depth({shipped.label_of(evil): curve}, "share"), io.BytesIO()
    figure.savefig(png)
    image = new_output("display_data", {"image/png": base64.b64encode(png.getvalue()).decode()})
    described = {"image": {"alt": figure.alt}, "figure": {"name": "fig-evil", "caption": "A figure."}}
    cells.append(new_code_cell("1", outputs=[image], execution_count=1, metadata={"mystnb": described}))
    book = tmp_path / "book"
    book.mkdir()
    python = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    nbformat.write(new_notebook(cells=cells, metadata=python), book / "intro.ipynb")
    (book / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (tmp_path / "_config.yml").write_text(
        'title: One\nexecute:\n  execute_notebooks: "off"\nonly_build_toc_files: true\n'
    )
    (tmp_path / "requirements.lock").write_text("")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    build_html(book, tmp_path / "_build" / "html")
    with Browser(CHROMIUM, tmp_path / "chromium") as browser:
        browser.open(tmp_path / "_build" / "html" / "intro.html")
        assert browser.ask("typeof hacked") == "undefined"
        assert browser.ask("document.querySelectorAll('article img[src=x]').length") == 0
        assert browser.ask("document.querySelectorAll('article a[href^=javascript]').length") == 0
        assert browser.ask("document.querySelectorAll('article [onmouseover], article [onerror]').length") == 0
        assert SCRIPT in browser.ask("[...document.querySelectorAll('article figure img')].map(i => i.alt).join()")
        told = browser.ask("document.querySelector('article').innerText")
    for text in NAMES:
        assert re.sub(r"\s+", " ", text).strip() in re.sub(r"\s+", " ", told), text
