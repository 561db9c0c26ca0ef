"""Games as labelled arrays, and their interactions, each extracted once and then read from a cache.

Interactions are stored as whole multiples of a unit, which makes files small. Three rules keep them true:

* The extraction leaves a margin of kappa free (`MARGIN_RATIO`), and the unit is the largest power of two with which
  rounding uses no more than that margin. So what is stored obeys |delta| <= kappa; where kappa is so small that no
  value in float32 could show it, delta may exceed it by `TOLERANCE` of the largest |v(x_T) - v(x_empty)|.
* Of I_and(empty) only the difference from v(x_empty) is stored. It is exactly 0, as delta(empty) is (Theorem 3.3), but
  for the laboratory's procedure, which does not ask for that.
* The stored objective is that of the rounded interactions. This and the first rule are checked whenever a file is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lkutils.extraction import GAP, KAPPA_RATIO, extract_interactions
from lkutils.mobius import coalition_sizes, player_count, values_from_interactions
from lkutils.progress import progress
from lkutils.storage import checksum, found_or_made

INTERACTIONS_VERSION = 3  # raise it when extraction or rounding changes what is found, to make old caches invalid

MARGIN_RATIO = 0.02  # share of the gap that is kappa's margin for rounding: a finer one would make files larger
ROUNDING_RATIO = 0.01  # share of the gap that is left for what rounding adds to the sum of strengths
CARRIED = ("players", "player_name", "label")  # what is known of a game's samples goes with their interactions
FINEST = 32  # halvings of the unit at most, after which it is below a billionth of the margin
TOLERANCE = 1e-9  # of the largest |v(x_T) - v(x_empty)|; a value in float32 is known to 6e-8 of itself


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
    layers: Sequence[str] | None = None,
    kappa_ratio: float = KAPPA_RATIO,
    gap: float = GAP,
    method: str = "exact",
    start: int | None = None,
    caches: Sequence[Path] = (),
) -> xr.Dataset:
    """The sparsest AND-OR interactions of a game's layers and samples (Sec. 3.2.2), with a certificate.

    Args:
        game: what `lkutils.play.play` returns, or a part of it: ``values`` (layer, sample, coalition) in log-odds, with
            an axis ``draw`` where samples were masked several times. Where samples have different numbers of players,
            ``n_players`` (sample) says how many: a game of n players is the first 2^n coalitions, the rest is NaN.
        layers: names of the layers; all of them when None.
        kappa_ratio, gap, method, start: of `lkutils.extraction.extract_interactions`.
        caches: folders with interactions that were extracted before; new ones are stored in the last.

    Returns:
        ``interactions`` (kind, layer, sample, coalition) in log-odds with kind "and" or "or", and ``delta`` (layer,
        sample, coalition), both NaN for coalitions with a player that the sample lacks; ``kappa``, ``objective``,
        ``lower_bound`` (layer, sample) in log-odds, and ``gap`` (layer, sample). The axis ``draw`` follows ``sample``;
        ``order`` is the number of players of every coalition, ``n_players`` that of every sample. Of the game also
        ``players``, ``player_name`` and ``label``, where it has them.

    Raises:
        TypeError: no Dataset.
        ValueError: axes or coalitions that are not a game's, or a file in a cache that belongs to another game.
        KeyError: unknown layer.

    Example:
        >>> game = xr.Dataset({"values": (("layer", "sample", "coalition"), [[[1.0, 4.0, 4.0, 4.0]]])})
        >>> interactions(game, kappa_ratio=0.0)["interactions"].sel(kind="or", coalition=3).values.round(2)
        array([[3.]])
    """
    game = checked(game)
    if layers is not None:
        unknown = [layer for layer in layers if layer not in game["layer"].values]
        if unknown or not len(layers):
            known = ", ".join(map(str, game["layer"].values))
            raise KeyError(f"the game has no layer {unknown[0]!r}; it has {known}" if unknown else "no layer was named")
        game = game.sel(layer=list(layers))
    names = game["layer"].values
    bar = progress(range(len(names)), f"interactions of {game.attrs.get('name', 'the game')}")
    found = [interactions_of_layer(game.isel(layer=[k]), kappa_ratio, gap, method, start, caches) for k in bar]
    return xr.concat(found, "layer", data_vars="minimal", coords="minimal")


def checked(game: xr.Dataset) -> xr.Dataset:
    """The game with its axes in order, all its coordinates, and ``n_players``, after all checks.

    Example:
        >>> checked(xr.Dataset({"values": (("sample", "layer", "coalition"), np.zeros((5, 2, 8)))}))["values"].shape
        (2, 5, 8)
    """
    if not isinstance(game, xr.Dataset) or "values" not in game:
        what = f"one with {list(game)}" if isinstance(game, xr.Dataset) else f"a {type(game).__name__}"
        raise TypeError(f"a game is a Dataset with values (layer, sample, coalition), as lk.play makes it, not {what}")
    values, axes = game["values"], ("layer", "sample", "draw", "coalition")
    if values.dtype.kind not in "fiub":
        raise TypeError(f"values are of type {values.dtype}, but log-odds are real numbers")
    if {*values.dims} - {"draw"} != {*axes} - {"draw"} or not values.size:
        raise ValueError(
            f"values has the axes {dict(values.sizes)}; expected are layer, sample and coalition, none of them empty, "
            "and perhaps draw; to select a single one and keep its axis, give a list, such as [name]"
        )
    values = values.transpose(*axes, missing_dims="ignore")
    n = player_count(torch.empty(values.sizes["coalition"]))
    coalitions = np.arange(2**n)
    if "coalition" in values.coords and not np.array_equal(values["coalition"], coalitions):
        raise ValueError("the coalitions are not in the order 0, 1, ..., 2^n - 1; try game.sortby('coalition')")
    n_players = game.get("n_players", xr.DataArray(np.full(values.sizes["sample"], n), dims="sample"))
    wrong = ~n_players.isin(range(n + 1)).values
    if wrong.any():
        raise ValueError(f"n_players of sample {wrong.argmax()} is {n_players.values[wrong][0]}, not 0 to {n}")
    game = game.assign(values=values).assign_coords(
        {axis: game[axis] for axis in values.dims}  # 0, 1, ... where there are none
        | {"coalition": coalitions, "order": ("coalition", coalition_sizes(n).numpy())}
        | {"n_players": ("sample", n_players.values.astype(int))}
    )
    bad = ~np.isfinite(values.astype(float)) & (game["coalition"] < 2 ** game["n_players"])
    if bad.any():
        first = bad.where(bad, drop=True).stack(place=values.dims)[0]
        place = ", ".join(f"{axis} {first[axis].item()}" for axis in values.dims)
        raise ValueError(
            f"{int(bad.sum())} of {values.size} values are NaN or infinite, the first at {place}: score them again, or "
            "say with n_players (sample) that the sample has fewer players"
        )
    return game


def interactions_of_layer(
    game: xr.Dataset, kappa_ratio: float, gap: float, method: str, start: int | None, caches: Sequence[Path]
) -> xr.Dataset:
    """The interactions of a game of one layer: those shipped or found before for the same values, else extracted."""
    how = f"{INTERACTIONS_VERSION} {float(kappa_ratio)!r} {method} {float(gap)!r} {game['n_players'].values.tolist()}"
    how += "" if start is None else f" from {start}"
    key = checksum(game["values"].values, how)
    places = [interactions_path(folder, key) for folder in caches]

    def extract() -> xr.Dataset:
        stored = extracted(game, kappa_ratio, gap, method, start)
        check(from_multiples(stored, game, kappa_ratio), game, "try a larger gap or kappa_ratio")
        return stored

    if not places:
        return from_multiples(extract(), game, kappa_ratio)
    found = from_multiples(found_or_made(places, extract), game, kappa_ratio)
    check(found, game, f"{' or '.join(map(str, places))} is altered or of another game; delete it")
    return found


def interactions_path(folder: Path, key: str) -> Path:
    """Where the interactions of one layer are stored, by the checksum of what they were extracted from and how."""
    return folder / "interactions" / f"{key[:32]}.nc"


# ---- whole multiples -------------------------------------------------------------------------------------------------


def extracted(game: xr.Dataset, kappa_ratio: float, gap: float, method: str, start: int | None = None) -> xr.Dataset:
    """Interactions as they are stored: ``multiples`` of a ``unit``, the sum of their strengths and its lower bound."""
    values, n_players = torch.from_numpy(game["values"].values.astype(float)), game["n_players"].values
    multiples = torch.zeros(2, *values.shape, dtype=torch.int64)
    unit, lower_bound = torch.zeros(2, *values.shape[:-1], dtype=torch.float64)
    for n in np.unique(n_players):  # samples with as many players are extracted together
        chosen = torch.from_numpy(n_players == n)
        v = values[:, chosen, ..., : 2**n]
        found = extract_interactions(
            v, kappa_ratio, method=method, gap=gap * (1 - ROUNDING_RATIO), margin=gap * MARGIN_RATIO, start=start
        )
        both = torch.stack((found.and_, found.or_))
        multiples[:, :, chosen, ..., : 2**n], unit[:, chosen] = as_multiples(v, both, kappa_ratio, gap)
        lower_bound[:, chosen] = found.lower_bound
    objective = (multiples[..., 1:].abs().sum(-1) * unit).sum(0)
    lower_bound = lower_bound.minimum(objective)  # at the optimum they may differ by rounding
    axes = game["values"].dims
    fits = multiples.abs().max() <= np.iinfo(np.int32).max
    return xr.Dataset(
        {
            "multiples": (("kind", *axes), multiples.numpy().astype(np.int32 if fits else np.int64)),
            "unit": (axes[:-1], unit.numpy(), {"units": "log-odds"}),
            "objective": (axes[:-1], objective.numpy(), {"units": "log-odds"}),
            "lower_bound": (axes[:-1], lower_bound.numpy(), {"units": "log-odds"}),
        }
    )


def as_multiples(values: Tensor, both: Tensor, kappa_ratio: float, gap: float) -> tuple[Tensor, Tensor]:
    """Interactions (kind, ..., coalition) as multiples of the largest unit that is fine enough.

    Fine enough: delta stays within its bounds and the sum of strengths as small as it was, both up to the share of the
    gap that is set aside for rounding. I_and(empty) is measured from v(x_empty).

    Example:
        >>> v = torch.tensor([1.0, 2.0, 2.0, 5.0]).double()
        >>> multiples, unit = as_multiples(v, torch.tensor([[1, 1, 1, 2], [0, 0, 0, 0]]).double(), 0.04, gap=0.005)
        >>> multiples * unit
        tensor([[0., 1., 1., 2.],
                [0., 0., 0., 0.]], dtype=torch.float64)
    """
    both = both.clone()
    both[0, ..., 0] -= values[..., 0]
    change = values - values[..., :1]
    kappa, floor = kappa_ratio * change[..., -1].abs(), TOLERANCE * change.abs().amax(-1)
    bound = torch.maximum(kappa, kappa * (1 - MARGIN_RATIO * gap) + floor)
    most = both[..., 1:].abs().sum((0, -1)) * (1 + ROUNDING_RATIO * gap)
    unit = torch.where(floor > 0, torch.maximum(MARGIN_RATIO * gap * kappa, floor).log2().ceil().exp2(), 1.0)
    for _ in range(FINEST):
        rounded = (both / unit[..., None]).round() * unit[..., None]
        left = (change - values_from_interactions(*rounded)).abs().amax(-1)
        late = (left > bound) | (rounded[..., 1:].abs().sum((0, -1)) > most)
        if not late.any():
            break
        unit = torch.where(late, unit / 2, unit)
    return (both / unit[..., None]).round().long(), unit


def from_multiples(stored: xr.Dataset, game: xr.Dataset, kappa_ratio: float) -> xr.Dataset:
    """Interactions as they are stored, with labels, in log-odds and with the noise that they leave."""
    values, n_players = game["values"].astype(float), game["n_players"]
    empty = values.isel(coalition=0, drop=True)
    full = values.isel(coalition=2**n_players - 1).drop_vars(["coalition", "order"])
    terms = (stored["multiples"] * stored["unit"]).transpose("kind", *values.dims)
    rebuilt = values_from_interactions(*torch.from_numpy(terms.values)).numpy()
    terms[{"kind": 0, "coalition": 0}] += empty.values
    terms = terms.assign_coords(game.coords).assign_coords(kind=["and", "or"])
    found = xr.Dataset(
        {
            "interactions": terms.where(game["coalition"] < 2**n_players).transpose(*terms.dims),
            "delta": values - empty - rebuilt,
            "kappa": kappa_ratio * abs(full - empty),
            **stored[["objective", "lower_bound"]],
            **game[[name for name in CARRIED if name in game]],
        }
    )
    for name in ("interactions", "delta", "kappa"):
        found[name].attrs = {"units": "log-odds"}
    found["gap"] = (found["objective"] - found["lower_bound"]) / found["objective"].where(found["objective"] > 0, 1.0)
    return found


def check(found: xr.Dataset, game: xr.Dataset, remedy: str) -> None:
    """What is extracted or read must obey the constraint and have the strengths that it says.

    Raises:
        ValueError: it does not.
    """
    values = game["values"].astype(float)
    size = abs(values - values.isel(coalition=0, drop=True)).max("coalition")
    excess = abs(found["delta"]).max("coalition") - found["kappa"] - TOLERANCE * size
    strength = abs(found["interactions"].isel(coalition=slice(1, None))).sum(["kind", "coalition"])
    difference = abs(strength - found["objective"]) - TOLERANCE * strength
    for number, rule in ((excess, "delta exceeds kappa"), (difference, "the objective is not the sum of strengths")):
        if not (number <= 0).all():
            raise ValueError(f"{rule}, by up to {float(number.max()):.2g} log-odds: {remedy}")
