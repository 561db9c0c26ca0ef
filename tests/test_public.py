"""The face of the library: what `import lkutils` offers, and what it leaves alone."""

import inspect
import subprocess
import sys
import types

import pytest

import lkutils as lk

HEAVY = (
    "transformers",
    "torchvision",
    "matplotlib",
    "papermill",
    "scipy",
    "sklearn",
    "jupyter_book",
    "shapiq",
)
NAMES = [
    "players",
    "probe",
    "ProbedNetwork",
    "play",
    "interactions",
    "follow",
    "compare",
    "shapley",
    "top",
    "to_shapiq",
    "plot",
    "and_interactions",
    "or_interactions",
    "values_from_interactions",
    "shapley_values",
    "extract_interactions",
    "coalition_values",
    "log_odds",
    "salient",
    "salience_threshold",
    "salient_part",
    "similarity",
]


STEPS = """
import sys
import lkutils
dir(lkutils)
print(*sys.modules)
lkutils.plot
print(*sys.modules)
"""


def test_import_is_light_and_plot_is_loaded_when_asked_for():
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    first, second = ({name.partition(".")[0] for name in line.split()} for line in done.stdout.splitlines())
    assert {"lkutils", "torch", "xarray"} <= first
    assert not first & set(HEAVY)
    assert "matplotlib" in second


def test_names_are_those_that_are_promised():
    assert sorted(lk.__all__) == sorted(NAMES)
    assert set(lk.__all__) <= set(dir(lk))


def test_all_names_exist_and_nothing_of_the_kitchen_is_among_them():
    for name in lk.__all__:
        assert not name.startswith("_")
        assert getattr(lk, name) is not None


def test_functions_are_not_hidden_by_the_modules_of_the_same_name():
    import lkutils.follow
    import lkutils.play  # noqa: F401

    assert callable(lk.follow)
    assert callable(lk.play)
    assert isinstance(lk.players, types.ModuleType)
    assert lk.plot.__name__ == "lkutils.figures"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("players", "plot")])
def test_every_name_has_an_example(name):
    assert ">>>" in inspect.getdoc(getattr(lk, name))


def test_a_name_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(AttributeError, match=r"no attribute 'plots'.*\bplot\b"):
        lk.plots  # noqa: B018
