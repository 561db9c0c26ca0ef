"""The first page says what the verdicts say."""

import base64

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lkutils.book import front
from lkutils.claims import registry
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.verdicts import Measured, Verdict
from lkutils.games import Label

CLAIM = Claim("claim-x", "Things grow", "", "", "", None, Rule((Expected("growth", above=0),), set_before=True))


def verdict(*outcomes, claim=CLAIM):
    found = {Label("MNIST", f"net {k}"): (Measured(0.1, 0.2, 0.3, 30, name),) for k, name in enumerate(outcomes)}
    return Verdict(claim, "", found)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([verdict("yes", "yes", "unclear")], "seen"),
        ([verdict("yes", "yes", "no")], "mixed"),
        ([verdict("yes", "unclear")], "mixed"),  # half is not most
        ([verdict("no", "no", "yes")], "contradicted"),
        ([verdict("yes"), verdict("no")], "mixed"),
        ([verdict("too few", "too few", "too few")], "mixed"),
        ([verdict()], "untested"),
        ([], "untested"),
    ],
)
def test_what_verdicts_say_together(found, expected):
    assert front.verdict_of(found) == expected


@pytest.mark.parametrize(
    ("outcomes", "place", "words"),
    [
        (("yes", "yes", "unclear"), 0, "(2 of 3)"),
        (("no", "no", "unclear"), 1, "(2 of 3)"),
        (("no", "yes", "yes"), 2, "(2 of 3)"),
    ],
)
def test_sentences_follow_the_numbers(monkeypatch, outcomes, place, words):
    monkeypatch.setattr(registry, "CLAIMS", (CLAIM,))
    found = verdict(*outcomes)
    sentences = front.answer([CLAIM], {"claim-x": [(found, found)]})
    assert len(sentences) == 4
    assert [k for k, told in enumerate(sentences) if "[things grow](#claim-x)" in told] == [place]
    assert words in sentences[place]
    yes, no = outcomes.count("yes"), outcomes.count("no")
    assert f"3 times a claim of the paper was put to a network: {yes} yes, {no} no" in sentences[3]


def test_settings_give_a_range():
    found = [verdict("yes", "no"), verdict("yes", "yes")]
    assert front.in_how_many(found, "yes") == "1 to 2 of 2"


def test_without_verdicts_nothing_is_claimed():
    sentences = front.answer(registry.MAIN, {})
    assert all("no main claim" in told for told in sentences[:3])
    assert "no claim was put" in sentences[3]


def test_main_claims_are_claims_of_the_paper():
    assert set(registry.MAIN) <= set(registry.CLAIMS)
    assert len(registry.MAIN) == len(set(registry.MAIN))


def test_the_picture_comes_from_its_cell(tmp_path):
    def chapter(name, metadata):
        output = new_output("display_data", {"image/png": base64.b64encode(name.encode()).decode()})
        cells = [new_markdown_cell("word " * 400), new_code_cell("draw()", metadata=metadata, outputs=[output])]
        path = tmp_path / f"{name}.ipynb"
        nbformat.write(new_notebook(cells=cells, metadata={"papermill": {"duration": 90.0}}), path)
        return path

    other = chapter("other", {"mystnb": {"figure": {"name": "fig-2", "caption": "Two."}}})
    about = {"figure": {"name": front.FIGURE, "caption": "One."}}
    told = chapter("told", {"mystnb": {**about, "image": {"alt": "What is seen."}}})
    plain = chapter("plain", {"mystnb": about})
    assert front.first_picture([other]) is None
    assert front.first_picture([other, told]) == front.Picture(b"told", "What is seen.")
    assert front.first_picture([plain]).alt == "One."
    page = front.front_page([other, told])
    assert ":alt: What is seen." in page
    assert "All chapters took 3 minutes" in page
    assert "The chapters: 4 minutes" in page
    assert "first.png" not in front.front_page([other])
