"""Strips: where intervals and limits lie."""

import math
import re
from xml.etree import ElementTree

from lkutils.book.strips import MARGIN, NAMES, WIDTH, small_strip, small_strips, strip, strips
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.verdicts import Measured, Verdict
from lkutils.games import Label

GROWS = Expected("growth <b>", above=0)
A, B = Label("MNIST", "<script>"), Label("MNIST", "VGG-11")
FOUND = {A: Measured(1.0, 2.0, 4.0, 30, "yes"), B: Measured(math.nan, 3.0, math.nan, 3, "too few")}


def test_interval_estimate_and_limit_lie_where_they_should():
    svg = strip(GROWS, FOUND)

    def at(value):
        return round(NAMES + MARGIN + value / 4 * (WIDTH - 2 * MARGIN), 1)  # the axis goes from 0 to 4

    assert f"M{at(1):g} 8H{at(4):g}" in svg
    assert f'cx="{at(2):g}" cy="8"' in svg
    assert f'class="limit" d="M{at(0):g} 0V' in svg
    assert f'class="claimed" x="{at(0):g}" y="0" width="{NAMES + WIDTH - at(0):g}"' in svg


def test_too_few_samples_have_a_dot_and_no_interval():
    group = re.search(r'<g class="too-few">.*?</g>', strip(GROWS, FOUND))[0]
    assert "<circle" in group
    assert "<path" not in group
    nothing = strip(GROWS, {B: Measured(math.nan, math.nan, math.nan, 0, "too few")})
    assert "nan" not in nothing.replace("aria", "")
    assert "<circle" not in nothing


def test_a_strip_is_told_in_words_and_names_are_no_markup():
    svg = strip(GROWS, FOUND)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert "growth <b>, claimed to be above 0: <script>, MNIST 2.00 [1.00, 4.00] (yes)" in root.get("aria-label")
    assert "<script>" not in svg


def test_outcomes_differ_in_form():
    def one(outcome):
        return strip(GROWS, {B: Measured(-1.0, 0.5, 1.0, 30, outcome)})

    assert "<circle" in one("unclear")
    assert "<circle" not in one("no")


def test_small_strips_have_a_line_for_each_interval_and_no_words():
    svg = small_strip(GROWS, FOUND)
    assert svg.count('class="yes"') == 1
    assert "too-few" not in svg
    assert "<text" not in svg


def test_a_claim_that_was_put_to_no_network_has_no_strips():
    claim = Claim("claim-grows", "It grows", "it grows", "Sec. 1", "", "01_sparsity", Rule((GROWS,), set_before=True))
    assert strips(Verdict(claim, "", {})) == small_strips(Verdict(claim, "", {})) == ""
    assert "<svg" in strips(Verdict(claim, "", {label: (found,) for label, found in FOUND.items()}))
