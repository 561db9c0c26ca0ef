"""Games as labelled arrays, and their interactions, each extracted once and then read from a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import xarray as xr

from lkutils.extraction import GAP, KAPPA_RATIO, Interactions, extract_interactions
from lkutils.mobius import values_from_interactions
from lkutils.progress import progress
from lkutils.storage import checksum, store

INTERACTIONS_VERSION = 2  # raise it when extract_interactions changes what it returns, to make old caches invalid


class Label(NamedTuple):
    """What figures and tables call a game; attached once, where a game is opened, and never taken apart again.

    Attributes:
        dataset: as people write it, "CIFAR-10".
        network: as people write it, "VGG-11"; "DistilBERT†" where a transformer was trained from scratch.

    Example:
        >>> str(Label("CIFAR-10", "VGG-11"))
        'VGG-11, CIFAR-10'
    """

    dataset: str
    network: str

    def __str__(self) -> str:
        return f"{self.network}, {self.dataset}"


def interactions(
    game: xr.Dataset,
    *,
    layers: list[str] | None = None,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
    method: str = "exact",
    caches: Sequence[Path] = (),
) -> xr.Dataset:
    """The AND-OR interactions of a game's layers, each extracted once and then read from the cache.

    Args:
        game: what :func:`load_game` returns, or a part of it.
        layers: names of the layers; all of them when None.
        kappa_ratio, method, gap: as in :func:`lkutils.extraction.extract_interactions`.
        caches: folders with interactions that were extracted before; new ones are stored in the last.

    Returns:
        ``interactions`` (kind, layer, sample, coalition) in log-odds with kind "and" or "or", ``delta`` (layer, sample,
        coalition), and ``objective``, ``lower_bound``, ``gap`` (layer, sample).

    Raises:
        KeyError: unknown layer.
    """
    chosen = game if layers is None else game.sel(layer=layers)
    bar = progress(chosen["layer"].values, f"interactions of {game.attrs.get('name', 'the game')}")
    return xr.concat(
        [extracted_or_read(chosen.sel(layer=[layer]), kappa_ratio, method, gap, caches) for layer in bar], "layer"
    )


def extracted_or_read(
    game: xr.Dataset, kappa_ratio: float, method: str, gap: float, caches: Sequence[Path]
) -> xr.Dataset:
    """The interactions of a game of one layer: those shipped or found before for the same values, else extracted."""
    values = game["values"].values.astype(float)
    key = checksum(game["values"].values, f"{INTERACTIONS_VERSION} {kappa_ratio!r} {method} {gap!r}")
    places = [interactions_path(folder, key) for folder in caches]
    path = next((place for place in places if place.exists()), None)
    if path:
        stored = xr.load_dataset(path, engine="h5netcdf")
    else:
        extracted = extract_interactions(torch.from_numpy(values), kappa_ratio, method=method, gap=gap)
        stored = as_multiples(extracted)
        if places:
            store(stored, places[-1])
    return from_multiples(stored, game)


def from_multiples(found: xr.Dataset, game: xr.Dataset) -> xr.Dataset:
    """Interactions as they are stored, with labels, in log-odds and with the noise that they leave."""
    found["interactions"] = (found["multiples"] * found["unit"]).transpose("kind", "layer", "sample", "coalition")
    and_, or_ = torch.from_numpy(found["interactions"].values)
    delta = game["values"].values.astype(float) - values_from_interactions(and_, or_).numpy()
    found["delta"] = (("layer", "sample", "coalition"), delta, {"units": "log-odds"})
    found = found.drop_vars(["multiples", "unit"])
    return found.assign_coords(
        kind=["and", "or"], layer=game["layer"], sample=game["sample"], coalition=game["coalition"]
    )


def interactions_path(folder: Path, key: str) -> Path:
    """Where the interactions of one layer are stored, by the checksum of what they were extracted from and how."""
    return folder / "interactions" / f"{key[:32]}.nc"


def as_multiples(found: Interactions) -> xr.Dataset:
    """Interactions as multiples of a millionth of the strongest one of each sample, which makes a file small.

    Eq. (3) stays exact, because delta is what the rounded interactions leave of the values. By so much as the rounding
    errors add up to, less than a thousandth of the strongest interaction, delta may exceed kappa.
    """
    both = torch.stack([found.and_, found.or_])
    unit = both.abs().amax((0, -1)).clamp(min=torch.finfo(both.dtype).tiny) * 2.0**-20
    return xr.Dataset(
        {
            "multiples": (("kind", "layer", "sample", "coalition"), (both / unit[..., None]).round().int().numpy()),
            "unit": (("layer", "sample"), unit.numpy(), {"units": "log-odds"}),
            "objective": (("layer", "sample"), found.objective.numpy(), {"units": "log-odds"}),
            "lower_bound": (("layer", "sample"), found.lower_bound.numpy(), {"units": "log-odds"}),
            "gap": (("layer", "sample"), found.gap.numpy()),
        }
    )
