"""Which AND-OR interactions a network encodes, layer by layer: for networks and data of your own.

    players -> probe -> play -> interactions -> follow, compare, shapley, top -> plot

    >>> import lkutils as lk
    >>> network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> inputs = torch.rand(12, 3)
    >>> game = lk.play(network, inputs, 1, lk.players.columns(["age", "job", "city"]), baseline=0.5)
    >>> found = lk.interactions(game)
    >>> lk.follow(found)["completeness"].dims
    ('kind', 'layer', 'order', 'bound')

`plot` is loaded when it is first used, since it needs matplotlib.
"""

from lkutils.interrupts import guard_imports

guard_imports()

from lkutils import players
from lkutils.extraction import extract_interactions
from lkutils.follow import follow, shapley, to_shapiq, top
from lkutils.games import interactions
from lkutils.generalization import compare
from lkutils.masking import coalition_values, log_odds
from lkutils.metrics import salience_threshold, salient, salient_part, similarity
from lkutils.mobius import and_interactions, or_interactions, shapley_values, values_from_interactions
from lkutils.play import play
from lkutils.probes import ProbedNetwork, probe

__all__ = [
    "ProbedNetwork",
    "and_interactions",
    "coalition_values",
    "compare",
    "extract_interactions",
    "follow",
    "interactions",
    "log_odds",
    "or_interactions",
    "play",
    "players",
    "plot",
    "probe",
    "salience_threshold",
    "salient",
    "salient_part",
    "shapley",
    "shapley_values",
    "similarity",
    "to_shapiq",
    "top",
    "values_from_interactions",
]


def __getattr__(name: str) -> object:
    """The figures, when they are first asked for."""
    if name == "plot":
        import lkutils.figures

        return lkutils.figures
    raise AttributeError(f"module 'lkutils' has no attribute {name!r}; public are {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
