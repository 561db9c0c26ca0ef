"""What a verdict is worth: counted by hand."""

from lkutils.claims.claim import Claim, Rule
from lkutils.claims.controls import findings
from lkutils.claims.verdicts import Measured, Verdict
from lkutils.games import Label

TRAINED, UNTRAINED, BLUR = (Label("MNIST", f"MLP-7{what}") for what in ("", ", untrained", ", masked by blur"))


def verdict(words, *outcomes):
    claim = Claim(f"claim-{words}", words, "", "Sec. 0", "", None, Rule((), set_before=True))
    measured = [(Measured(0.1, 0.2, 0.3, 30, outcome),) for outcome in outcomes]
    return Verdict(claim, "", dict(zip((TRAINED, UNTRAINED, BLUR), measured, strict=True)))


def test_only_claims_that_the_network_passes_count():
    verdicts = [
        verdict("first", "yes", "yes", "no"),
        verdict("second", "yes", "unclear", "yes"),
        verdict("third", "no", "yes", "yes"),
    ]
    lines = findings(verdicts, TRAINED, UNTRAINED, BLUR).splitlines()
    assert lines[0] == "MLP-7 passes 2 of 3 claims. Of these are seen as well:"
    assert lines[2:] == [
        "- in *MLP-7, untrained*: 1 of 2 (first)",
        "- in *MLP-7, masked by blur*: 1 of 2 (second)",
    ]
