"""The first page says what the verdicts say."""

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from lkutils.book import cover, front
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


@pytest.fixture
def chapter(tmp_path):
    def write(name):
        path = tmp_path / f"{name}.ipynb"
        about = {"papermill": {"duration": 90.0, "parameters": {"profile": "smoke"}}}
        nbformat.write(new_notebook(cells=[new_markdown_cell("word " * 400)], metadata=about), path)
        return path

    return write


def test_the_picture_is_of_the_games_of_the_chapter_on_layers(monkeypatch, chapter):
    monkeypatch.setattr(cover, "draw", lambda profile: cover.Picture(profile.encode(), "What is seen."))
    assert front.first_picture([chapter("other")]) is None
    assert front.first_picture([chapter("other"), chapter("02_layers")]).png == b"smoke"
    page = front.front_page([chapter("other"), chapter("02_layers")])
    assert ":alt: What is seen." in page
    assert "All chapters took 3 minutes" in page
    assert "The chapters: 4 minutes" in page
    assert "first.png" not in front.front_page([chapter("other")])


def test_the_picture_tells_its_numbers():
    picture = cover.draw("smoke")
    assert picture.png.startswith(b"\x89PNG")
    assert len(picture.png) < 100_000
    assert picture.alt.startswith("ResNet-20")
    assert "the strongest interactions of the output" in picture.alt
    assert cover.draw("smoke") == picture
