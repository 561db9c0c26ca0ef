"""What the claim about kappa is judged by, on interactions written by hand."""

import numpy as np
import xarray as xr

from lkutils.claims.kappa import beside_reference

AXES = ("procedure", "kappa", "kind", "layer", "sample", "coalition")


def of(*by_kappa):
    """Interactions of a sample, two players and one kind for each kappa, 0.03 and on."""
    labels = {"procedure": ["exact"], "kappa": [0.03, 0.04, 0.05][: len(by_kappa)]}
    one = xr.DataArray(np.array(by_kappa)[None, :, None, None, None, :], labels, AXES)
    found = xr.Dataset({"interactions": one, "again": one.sel(kappa=0.04, drop=True) * 0.5})
    return found.assign(objective=abs(one).isel(coalition=slice(1, None)).sum(["kind", "coalition"]))


def test_similarity_iou_count_and_sum_by_hand():
    compared = beside_reference(of([9.0, 4, 0, 2], [9.0, 4, 2, 0], [9.0, 4, 2, 0.1])).squeeze(drop=True)
    np.testing.assert_allclose(compared["similarity"], [4 / 8, 1, 1])  # 0.1 is below tau
    np.testing.assert_allclose(compared["iou"], [1 / 3, 1, 1])
    assert compared["count"].values.tolist() == [2, 2, 2]
    np.testing.assert_allclose(compared["sum"], [1, 1, 6.1 / 6])
    assert compared["similarity_again"] == 0.5
    assert compared["iou_again"] == 1


def test_where_there_is_no_solution_there_is_no_number():
    found = of([9.0, 4, 0, 2], [9.0, 4, 2, 0])
    there = found["kappa"] == 0.04
    found = found.assign({name: found[name].where(there) for name in ("interactions", "objective")})
    compared = beside_reference(found).squeeze(drop=True)
    for name in ("similarity", "iou", "count", "sum"):
        assert compared[name].isnull().values.tolist() == [True, False], name
