"""What a verdict is worth, by the verdicts of controls (App. D and E)."""

from __future__ import annotations

from collections.abc import Sequence

from lkutils.claims.verdicts import Verdict
from lkutils.games import Label


def findings(verdicts: Sequence[Verdict], trained: Label, *controls: Label) -> str:
    """Which claims that are seen in a network are seen in each of its controls as well, as a list in Markdown.

    Args:
        verdicts: on the network and its controls.
        trained: the network.
        controls: the same network with one thing changed.

    Example:
        >>> from lkutils.claims.claim import Claim, Rule
        >>> from lkutils.claims.verdicts import Measured
        >>> claim = Claim("claim-growth", "Things grow", "", "Sec. 0", "", None, Rule((), set_before=True))
        >>> mine, other = Label("MNIST", "MLP-7"), Label("MNIST", "MLP-7, untrained")
        >>> seen, unclear = (Measured(0.1, 0.2, 0.3, 30, outcome) for outcome in ("yes", "unclear"))
        >>> print(findings([Verdict(claim, "", {mine: (seen,), other: (unclear,)})], mine, other))
        MLP-7 passes 1 of 1 claim. Of these are seen as well:
        <BLANKLINE>
        - in *MLP-7, untrained*: 0 of 1
    """
    passed = [verdict for verdict in verdicts if verdict.outcomes[trained] == "yes"]
    lines = []
    for control in controls:
        also = [verdict.title for verdict in passed if verdict.outcomes[control] == "yes"]
        lines.append(f"- in *{control.network}*: {len(also)} of {len(passed)}" + f" ({'; '.join(also)})" * bool(also))
    count = f"{len(passed)} of {len(verdicts)} claim{'s' * (len(verdicts) != 1)}"
    return f"{trained.network} passes {count}. Of these are seen as well:\n\n" + "\n".join(lines)
