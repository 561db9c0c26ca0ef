"""The table of claims and networks, and its numbers, from verdicts made by hand."""

import csv
import io
import math
import re

import pytest

from lkutils.book import matrix
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.verdicts import Measured, Verdict
from lkutils.games import Label

A, B, C = Label("MNIST", "MLP-7"), Label("CIFAR-10", "MLP-7"), Label("MNIST", "<script>")
RULE = Rule((Expected("growth", above=0), Expected("size", below=9)), set_before=False, changed="Later.")
CLAIM = Claim("claim-x", "It <b>grows</b>", "", "Sec. 9", "Fig. 9", "99", RULE)
OTHER = Claim("claim-y", "Untested", "", "Sec. 9", "", None, RULE)


def measured(outcome):
    return Measured(0.1, 0.25, 0.3, 30, outcome), Measured(math.nan, 5.0, math.nan, 4, outcome)


@pytest.fixture
def pair():
    before = Verdict(CLAIM, "one way", {A: measured("yes"), B: measured("no"), C: measured("too few")})
    after = Verdict(CLAIM, "one way", {A: measured("yes"), B: measured("unclear"), C: measured("too few")})
    return before, after


def test_a_cell_has_colour_sign_and_link(pair):
    text = matrix.matrix([CLAIM, OTHER], {"claim-x": [pair]}, "all", "claims.html")
    cells = re.findall(r'<td class="([a-z -]+)" data-dataset="([^"]+)" data-outcome="([^"]+)">(.*?)</td>', text)
    assert [cell[:3] for cell in cells] == [
        ("yes", "MNIST", "yes"),
        ("too-few", "MNIST", "too few"),  # the networks of a data set stand together
        ("no weak", "CIFAR-10", "no"),
    ]
    assert all('href="claims.html#claim-x"' in cell[3] for cell in cells)
    assert [re.sub("<.*?>", "", cell[3]) for cell in cells] == ["✓", "–", "✗"]
    assert "1/3" in text
    assert "Untested" not in text


def test_a_claim_in_two_settings_is_named_once(pair):
    other = Verdict(CLAIM, "another way", pair[0].measured)
    text = matrix.matrix([CLAIM], {"claim-x": [pair, (other, other)]}, "all")
    assert re.findall(r'<tr class="(\w*)" data-claim="claim-x">', text) == ["", "again"]


def test_names_and_words_are_no_markup(pair):
    text = matrix.matrix([CLAIM], {"claim-x": [pair]}, "all") + matrix.filters([pair[0]])
    assert "<script>" not in text
    assert "<b>" not in text
    assert "It &lt;b&gt;grows&lt;/b&gt;" in text


def test_without_verdicts_there_is_no_table():
    assert matrix.matrix([OTHER], {}, "all") == ""
    none = Verdict(CLAIM, "", {})
    assert matrix.matrix([CLAIM], {"claim-x": [(none, none)]}, "all") == ""


def test_csv_has_a_row_for_each_claim_network_and_statistic(pair):
    rows = list(csv.DictReader(io.StringIO(matrix.as_csv([pair]))))
    assert len(rows) == 6
    first, second = rows[2:4]
    assert (first["dataset"], first["outcome"], first["after_correction"]) == ("CIFAR-10", "no", "unclear")
    assert (first["estimate"], first["low"], first["high"]) == ("0.25", "0.1", "0.3")
    assert (first["above"], first["below"], first["samples"]) == ("0", "", "30")
    assert (second["statistic"], second["low"], second["below"]) == ("size", "", "9")
    assert first["words"] == "It <b>grows</b>"
    assert first["set_before"] == "False"


def test_filters_offer_what_is_there_and_are_hidden_without_the_script(pair):
    text = matrix.filters([pair[0]])
    assert " hidden>" in text
    assert re.findall("<option>(.*?)</option>", text) == ["MNIST", "CIFAR-10", "yes", "no", "unclear", "too few"]
