"""The table of App. H is made from functions that exist and are public; its formulas give what they give."""

import importlib

import numpy as np
import pytest
import xarray as xr

from lkutils import metrics
from lkutils.claims import formulas
from lkutils.claims.formulas import METRICS


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.function.__name__)
def test_every_function_exists_under_its_name_is_public_and_explained(metric):
    module, _, name = metric.name.rpartition(".")
    assert getattr(importlib.import_module(module), name) is metric.function
    assert module.split(".")[0] == "lkutils"
    assert not any(part.startswith("_") for part in metric.name.split("."))
    assert ">>>" in metric.function.__doc__
    assert len(metric.meaning) > 10
    assert not metric.meaning.endswith((".", ":"))


def test_every_row_of_the_papers_table_is_there_once():
    """App. H has eleven rows; two of them are one function at two layers, and OR goes with AND."""
    in_table = [metric.function.__name__ for metric in METRICS if metric.in_table]
    assert in_table == [
        "and_interactions",
        "or_interactions",
        "strength",
        "overlap",
        "forget",
        "new",
        "overlap_of_sets",
        "stability_ratio",
    ]
    assert len({metric.symbol for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.function.__name__)
def test_formulas_can_be_written_as_mathml(metric):
    from docutils.utils.math.latex2mathml import tex2mathml

    assert "<math" in tex2mathml(metric.formula)
    assert "<math" in tex2mathml(metric.symbol)
    assert "|" not in metric.formula + metric.symbol, "a bar would end a cell of the table"


@pytest.fixture
def part():
    effects = np.random.default_rng(0).normal(size=(1, 3, 4, 16))
    effects = xr.DataArray(effects, {"kind": ["and"]}, ("kind", "layer", "sample", "coalition"))
    return metrics.salient_part(effects, ratio=0.4).isel(kind=0)


def test_formulas_and_library_agree(part):
    library, formula = formulas.metrics_by_formula(part)
    assert set(library) == {"all", "overlap", "forget", "new", "iou"}
    for name in library:
        xr.testing.assert_allclose(library[name].drop_vars("kind"), formula[name].drop_vars("kind"))
        assert (abs(formula[name] - formula[name].roll(sample=1)).max() > 0.1).item(), "another sample's would be seen"


def test_a_wrong_function_of_the_library_is_noticed(part, monkeypatch):
    monkeypatch.setattr(metrics, "shared", lambda first, second: np.minimum(first, second))
    library, formula = formulas.metrics_by_formula(part)
    assert abs(library["overlap"] - formula["overlap"]).max() > 0.1
