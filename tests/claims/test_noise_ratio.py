"""What the claims of App. L are judged by: the ratio of own pixels, and the noise that reaches an interaction."""

import numpy as np
import xarray as xr

from lkutils.claims.noise_ratio import largest_over_smallest, medians, ratios


def test_the_ratio_is_that_of_the_joint_norms():
    generator = np.random.default_rng(0)
    pixels, noise = generator.uniform(0.2, 1, (2, 3, 9)), generator.normal(0, 0.02, (2, 4, 3, 9))  # nine to a player
    image = xr.DataArray(np.linalg.norm(pixels, axis=-1), dims=("sample", "player"))
    norms = xr.DataArray(np.linalg.norm(noise, axis=-1), dims=("sample", "draw", "player"))
    found = ratios(image, norms)
    assert found.dims == ("sample", "draw", "coalition")
    for S in range(1, 8):
        own = [k for k in range(3) if S >> k & 1]
        expected = (
            np.linalg.norm(noise[:, :, own], axis=(-2, -1)) / np.linalg.norm(pixels[:, own], axis=(-2, -1))[:, None]
        )
        np.testing.assert_allclose(found.sel(coalition=S), expected)
    assert found.sel(coalition=0).isnull().all()


def test_independent_noise_reaches_order_m_with_variance_2_to_the_m():
    values = np.random.default_rng(1).normal(0, 0.3, (12, 401, 32))
    values = xr.DataArray(values, dims=("sample", "draw", "coalition"))
    own = xr.DataArray(np.ones((12, 400, 32)), dims=("sample", "draw", "coalition"))
    found = medians(own, values).mean("sample")
    np.testing.assert_allclose(found["reaching"], 0.3 * 2 ** (np.arange(1, 6) / 2), rtol=0.03)
    assert (found["own"] == 1).all()
    assert abs(largest_over_smallest(found["reaching"]) - 4) < 0.2


def test_noise_common_to_all_outputs_reaches_no_interaction():
    values = np.random.default_rng(2).normal(0, 0.3, (12, 21, 1)) + np.zeros(8)
    values = xr.DataArray(values, dims=("sample", "draw", "coalition"))
    found = medians(values.isel(draw=slice(1, None)) * 0 + 1, values)
    assert abs(found["reaching"]).max() < 1e-12
    assert largest_over_smallest(found["reaching"] * 0).isnull().all()
