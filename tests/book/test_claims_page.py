"""Verdicts travel from a chapter's output to the page of claims."""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import xarray as xr
from nbformat.v4 import new_code_cell, new_notebook, new_output

from lkutils.book import claims_page as pages
from lkutils.book.verdicts import show
from lkutils.claims import registry
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.verdicts import judge
from lkutils.games import Label

GROWS = Expected("growth", lambda means: means.growth, above=0)
QUOTATION = "things | <b>grow</b>"
SEEN = Claim("claim-seen", "Things grow", QUOTATION, "Sec. 1", "Fig. 1", "tiny", Rule((GROWS,), set_before=True))
OPEN = Claim("claim-open", "Others shrink", "", "Sec. 2", "", None, Rule((Expected("size", below=1),), set_before=True))


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """A chapter that showed one verdict."""
    monkeypatch.setattr(registry, "CLAIMS", (SEEN, OPEN))
    monkeypatch.setattr(registry, "BEYOND", ())
    samples = {Label("MNIST", "MLP-7"): xr.Dataset({"growth": ("sample", [0.9, 1.1] * 10)})}
    outputs = []

    def display(shown, metadata=None):
        outputs.append(new_output("display_data", {"text/markdown": shown.data}, metadata=metadata or {}))

    monkeypatch.setattr("lkutils.book.verdicts.display", display)
    show([judge(SEEN, samples)])
    path = tmp_path / "tiny.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("show(found)", outputs=outputs)]), path)
    return path


def test_a_chapter_shows_a_table_sentences_and_the_rules(executed):
    outputs = nbformat.read(executed, as_version=4).cells[0].outputs
    texts = [output.data["text/markdown"] for output in outputs]
    assert texts[0].splitlines()[2] == "| Things grow | 1 of 1 | yes |"
    assert "yes in 1 of 1 network" in texts[1]
    assert "<details>" in texts[2]
    assert "growth above 0" in texts[2]


def test_the_page_of_claims_has_a_block_for_each_with_its_anchor(executed):
    report = pages.claims_report([executed])
    assert report.count("(claim-seen)=\n") == report.count("(claim-open)=\n") == 1
    assert report.index("(claim-seen)=\n") < report.index("(claim-open)=\n")
    assert '<a href="#claim-seen" title="yes: MLP-7, MNIST"' in report
    assert "yes in 1 of 1 network" in report
    assert "[tiny](notebooks/tiny.ipynb)" in report
    assert report.count("not tested yet") == 1


def test_what_a_claim_says_is_no_markup(executed, monkeypatch):
    report = pages.claims_report([executed])
    assert "“things \\| &lt;b&gt;grow&lt;/b&gt;” (Sec. 1, Fig. 1)" in report
    monkeypatch.setattr(registry, "CLAIMS", (replace(SEEN, words="<script>x</script>"), OPEN))
    report = pages.claims_report([executed])
    assert "&lt;script&gt;" in report
    assert "<script>" not in report


def test_a_block_leads_to_the_chapters_figures_of_the_papers_figure():
    drawn = {"tiny": ["fig-1-a", "fig-10-b", "fig-1"], "other": ["fig-1-c"]}
    told = pages.places(SEEN, Path("tiny.ipynb"), drawn)
    assert told == "[tiny](notebooks/tiny.ipynb), {numref}`fig-1-a`, {numref}`fig-1`"
    assert pages.places(OPEN, Path("tiny.ipynb"), drawn) == "[tiny](notebooks/tiny.ipynb)"


def test_a_chapter_without_verdicts_has_none(tmp_path):
    path = tmp_path / "none.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1", outputs=[])]), path)
    assert pages.collect([path]) == {}
    assert "not tested yet" in pages.claims_report([path])


def test_a_claim_says_in_what_share_of_specifications_it_stands(executed, tmp_path):
    assert "specifications" not in pages.claims_report([executed])
    metadata = {"standing": {"claim-seen": {"share": 0.75, "specifications": 1200}}}
    output = new_output("display_data", {"text/markdown": ""}, metadata=metadata)
    path = tmp_path / "b3_choices.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1", outputs=[output])]), path)
    report = pages.claims_report([executed, path])
    assert report.count("the verdict stands in 75% of 1,200 other specifications") == 1
    block = report[report.index("(claim-seen)=") : report.index("(claim-open)=")]
    assert "75% of 1,200" in block
