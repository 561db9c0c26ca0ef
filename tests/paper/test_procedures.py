import numpy as np
import pytest
import xarray as xr

from lkutils.extraction import extract_sgd
from lkutils.paper import procedures


@pytest.fixture
def values():
    return xr.DataArray(np.random.default_rng(0).normal(size=(2, 8)), dims=("sample", "coalition"))


def test_descents_are_computed_once_for_the_same_values_and_settings(values, tmp_path, monkeypatch):
    monkeypatch.setattr(procedures, "CACHES", (tmp_path / "shipped", tmp_path / "cache"))
    first = procedures.descents(values, [1e-3, 1e-2], [5])
    for k, rate in enumerate((1e-3, 1e-2)):
        found = extract_sgd(values.values, lr=rate, iterations=5)
        assert first["interactions"][k].sel(kind="and").values == pytest.approx(found.and_.numpy(), rel=1e-6)
        assert first["objective"][k].values == pytest.approx(found.objective.numpy())

    def unexpected(*given):
        raise RuntimeError

    monkeypatch.setattr(procedures, "extract_sgd", unexpected)
    again = procedures.descents(values.assign_coords(sample=[7, 9]), [1e-3, 1e-2], [5])
    assert again.equals(first.assign_coords(sample=[7, 9]))
    others = [(values + 1e-9, [1e-3, 1e-2], [5], 0.04), (values, [1e-3], [5], 0.04)]
    others += [(values, [1e-3, 1e-2], [6], 0.04), (values, [1e-3, 1e-2], [5], 0.05)]
    for other in others:
        with pytest.raises(RuntimeError):
            procedures.descents(*other)
