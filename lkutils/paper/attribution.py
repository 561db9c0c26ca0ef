"""Integrated Gradients of the paper's networks, on the samples and players of their games (App. B, Fig. 6).

Integrated Gradients (Sundararajan et al., 2017) follow the straight line from a baseline to the input and add up the
gradient of the log-odds. Two baselines are taken, both with the values b_i of the game:

* "players": the players are at their baseline, the background is as it is. The line then has the same two ends as the
  game, x_empty and x_N, so that the sums can be compared with Shapley values.
* "everything": the background is at its baseline, too, as is usual. Part of the sum then falls on the background.

Of a sentence, the word embeddings move along the line, from that of the mask token to that of the word; tokens that
mark beginning, end and padding stay.

What is made here is shipped in ``data/games/attributions/``, since a chapter has no network. Training again gives a
network that differs a little from the game's. Its outputs on all coalitions are then stored with its attributions, so
that everything that stands side by side explains one and the same network.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from lkutils.attribution import sums_of_players
from lkutils.devices import default_device
from lkutils.epochs import identity
from lkutils.features import evaluating
from lkutils.inputs import content_hash
from lkutils.masking import coalition_values, log_odds, mask_inputs
from lkutils.metrics import output_range
from lkutils.paper import paths
from lkutils.paper.chunks import remembered
from lkutils.paper.experiments import Experiment, find_experiment
from lkutils.paper.gradients import STEPS, check_gradient, integrated_gradients
from lkutils.paper.making import train
from lkutils.paper.provenance import machine, version, versions
from lkutils.paper.recipes import Recipe, recipe_of
from lkutils.paper.samples import leave_out_wrong
from lkutils.paper.shipped import game_names, load_game
from lkutils.paper.training import predict
from lkutils.paper.transformers import TextClassifier
from lkutils.progress import progress
from lkutils.storage import checksum, is_intact, load, store

SMOKE_STEPS = 32
EXPLAINED = ("cifar10/resnet20", "sst2/distilbert", "digits/resnet20", "grammar/distilbert")
PATHS = ("players", "everything")  # what is at its baseline where the line begins
CHECKED = 64  # coalitions of each sample, drawn at random, on which the network must agree with its game
TOLERANCE = 1e-3  # of the output range, up to which a network is that of its game


def make_attributions(name: str, steps: int = STEPS, n_samples: int = 30) -> Path:
    """Integrate the gradients of a network on samples of its game, sum them for each player, and store them.

    The network is trained first where it has no public weights and no checkpoint. Interrupted at any moment it resumes:
    training after the last epoch, integration after the last sample.

    Args:
        name: of a game that exists.
        steps: of the integral.
        n_samples: the first so many samples of the game, all where it has fewer.

    Returns:
        Where they are stored.

    Raises:
        ValueError: an unknown name, fewer than two steps or one sample, or a network whose output has no gradient.
        FileNotFoundError: there is no such game.

    Warns:
        UserWarning: a network that was trained again gets samples of the game wrong; they are left out.
    """
    if steps < 2:
        raise ValueError(f"steps={steps}: an integral takes two steps or more, {STEPS} for the figures")
    if n_samples < 1:
        raise ValueError(f"n_samples={n_samples}: expected at least 1")
    experiment, device = find_experiment(name), default_device()
    game = load_game(name)
    recipe = recipe_of(experiment)
    check_gradient(recipe.network, recipe.dataset.sample_inputs[:1])
    seconds = {"training": train(experiment, recipe, device)}
    samples = still_right(recipe, game, device)[:n_samples]
    difference = difference_from_game(recipe, game.sel(sample=samples), device)
    chunks = []
    with evaluating(recipe.network):
        for sample in progress(samples, f"gradients of {name}, a sample a step"):
            place = chunk_folder(experiment) / f"{chunk_key(recipe, sample, steps)}.npz"
            chunks.append(remembered(place, lambda sample=sample: of_sample(recipe, sample, steps, device)))
    seconds["integrating"] = sum(took for _, took in chunks)
    found = labelled(recipe, samples, np.stack([numbers for numbers, _ in chunks], axis=1))
    if difference > TOLERANCE:
        found["values"] = (("sample", "coalition"), own_values(recipe, samples, device), {"units": "log-odds"})
    facts = {"steps": steps, "difference_from_game": difference, "seconds": json.dumps(seconds)}
    facts["sha256"] = checksum_of(found)
    store(found.assign_attrs(provenance_of(experiment, recipe) | facts), attributions_path(experiment))
    shutil.rmtree(chunk_folder(experiment), ignore_errors=True)
    return attributions_path(experiment)


def load_attributions(name: str) -> xr.Dataset:
    """Load the attributions of a network and verify them; those of the smoke profile are made first.

    Returns:
        ``integrated`` (path, sample, player), ``background`` (path, sample), the sums of Integrated Gradients in
        log-odds; ``start`` and ``end`` (path, sample), the log-odds at both ends of the line; ``values`` (sample,
        coalition), the network's outputs, where it is not exactly the game's; and the provenance.

    Raises:
        ValueError: unknown name, or a file that is altered or another network's.
        FileNotFoundError: attributions that are not shipped and were not made yet.

    Example:
        >>> load_attributions("cifar10/resnet20")["integrated"].dims
        ('path', 'sample', 'player')
    """
    experiment = find_experiment(name)
    path = attributions_path(experiment)
    if experiment.profile == "smoke" and not is_intact(path):
        load_game(name)  # made where it does not exist
        make_attributions(name, SMOKE_STEPS)
    remedy = f"make them with: python -m lkutils.paper.attribution {name}"
    if not path.exists():
        raise FileNotFoundError(f"there are no attributions of {name} at {path}; {remedy}")
    found = load(path)
    if found.attrs.get("name") != name or checksum_of(found) != found.attrs.get("sha256"):
        raise ValueError(f"{path} was altered, or is of {found.attrs.get('name')}, not {name}; restore it, or {remedy}")
    return found


class Explained(NamedTuple):
    """What a chapter compares, all of one network.

    Attributes:
        game: its outputs, of the one layer "output", as `lkutils.paper.shipped.load_game` returns them.
        attributions: as `load_attributions` returns them, for the same samples.
    """

    game: xr.Dataset
    attributions: xr.Dataset


def open_attributions(name: str, samples: int = 0) -> Explained:
    """A network's attributions and the game that they belong to.

    Args:
        name: of the game.
        samples: the first so many; all when 0.

    Raises:
        ValueError, FileNotFoundError: as `load_attributions`.

    Example:
        >>> open_attributions("cifar10/resnet20", samples=3).game["values"].sizes["sample"]
        3
    """
    found = load_attributions(name).isel(sample=slice(samples or None))
    game = load_game(name).sel(layer=["output"], sample=found["sample"])
    if "values" in found:
        game["values"] = found["values"].expand_dims("layer").assign_coords(game["values"].coords)
    return Explained(game, found)


def explained_games(profile: str) -> list[str]:
    """The games of a profile that the chapter explains: a convolutional network and a transformer.

    Example:
        >>> explained_games("smoke")
        ['digits/resnet20', 'grammar/distilbert']
    """
    names = [name for name in game_names(profile) if name in EXPLAINED]
    return [name for name in names if profile == "smoke" or attributions_path(find_experiment(name)).exists()]


def attributions_path(experiment: Experiment) -> Path:
    """Where the attributions of an experiment are: shipped for the paper profile, in the cache for smoke."""
    folder = paths.GAMES if experiment.profile == "paper" else paths.CACHE
    return folder / "attributions" / f"{experiment.name}.nc"


# ---- one sample ------------------------------------------------------------------------------------------------------


def of_sample(recipe: Recipe, sample: int, steps: int, device: torch.device) -> Float[Tensor, "path number"]:
    """For each path the sums of all players, that of the background, and the log-odds at both ends."""
    dataset = recipe.dataset
    x, players = (part[sample : sample + 1] for part in (dataset.sample_inputs, dataset.sample_players))
    label = dataset.sample_labels[sample].to(device)
    rows = []
    for start in starts(recipe, x, players):
        found, ends = integrated_gradients(recipe.network, x.to(device), start.to(device), label, steps)
        sums, background = sums_of_players(found.numpy(), players.numpy(), dataset.n_players)
        rows.append(np.concatenate([sums[0], background, ends.numpy()]))
    return torch.from_numpy(np.stack(rows))


def starts(
    recipe: Recipe, x: Shaped[Tensor, "1 *shape"], players: Int[Tensor, "1 ..."]
) -> list[Shaped[Tensor, "1 *shape"]]:
    """Where the line of each path begins: x with its players at their baseline, and x with everything at it."""
    masked = mask_inputs(x, recipe.dataset.baseline, players, [0])
    everything = recipe.dataset.baseline.expand_as(x).clone()
    if isinstance(recipe.network, TextClassifier):
        special = torch.isin(x, recipe.network.special.cpu()) & (players < 0)
        everything = torch.where(special, x, everything)
    return [masked, everything]


# ---- checks ----------------------------------------------------------------------------------------------------------


def difference_from_game(recipe: Recipe, game: xr.Dataset, device: torch.device, seed: int = 0) -> float:
    """How far a network is from its game: the largest difference at both ends and on random coalitions.

    Returns:
        The difference in output ranges.
    """
    dataset, values = recipe.dataset, game["values"].sel(layer="output").astype(float)
    everyone, random, largest = values.sizes["coalition"] - 1, np.random.default_rng(seed), 0.0
    network = recipe.network.to(device)
    for sample in values["sample"].values.tolist():
        coalitions = [0, everyone, *random.integers(0, everyone + 1, CHECKED).tolist()]
        one = slice(sample, sample + 1)
        inputs = mask_inputs(dataset.sample_inputs[one], dataset.baseline, dataset.sample_players[one], coalitions)
        with torch.no_grad(), evaluating(network):
            found = log_odds(network(inputs.to(device)), dataset.sample_labels[one].to(device)).cpu().numpy()
        expected = values.sel(sample=sample).values[coalitions]
        largest = max(largest, float(abs(found - expected).max()))
    return largest / output_range(values).item()


def still_right(recipe: Recipe, game: xr.Dataset, device: torch.device) -> list[int]:
    """The samples of a game that the network classifies correctly."""
    samples = game["sample"].values.copy()  # torch warns of arrays that cannot be written
    predicted = predict(recipe.network, recipe.dataset.sample_inputs[samples], device)
    return leave_out_wrong(samples, predicted, recipe.dataset.sample_labels[samples], game.attrs["name"]).tolist()


def own_values(recipe: Recipe, samples: list[int], device: torch.device) -> Float[np.ndarray, "sample coalition"]:
    """The network's outputs on all coalitions."""
    dataset = recipe.dataset
    of_samples = (dataset.sample_inputs, dataset.sample_labels, dataset.sample_players)
    inputs, labels, players = (part[samples].to(device) for part in of_samples)
    with evaluating(recipe.network):
        values = coalition_values(
            lambda x: recipe.network(x)[None], inputs, labels, players, dataset.baseline.to(device), dataset.n_players
        )
    return values[0].numpy()


# ---- files -----------------------------------------------------------------------------------------------------------


def chunk_folder(experiment: Experiment) -> Path:
    """Where finished samples lie until all are stored."""
    return paths.CACHE / "chunks" / f"{experiment.name}.attributions"


def chunk_key(recipe: Recipe, sample: int, steps: int) -> str:
    """A key of all that a sample's attributions depend on."""
    dataset = recipe.dataset
    contents = (part[sample] for part in (dataset.sample_inputs, dataset.sample_labels, dataset.sample_players))
    parts = (identity(recipe.network), *map(content_hash, contents), content_hash(dataset.baseline), steps, PATHS)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def labelled(recipe: Recipe, samples: list[int], table: Float[np.ndarray, "path sample number"]) -> xr.Dataset:
    """Attributions with their axes."""
    n, units = recipe.dataset.n_players, {"units": "log-odds"}
    return xr.Dataset(
        {
            "integrated": (("path", "sample", "player"), table[..., :n], units),
            "background": (("path", "sample"), table[..., n], units),
            "start": (("path", "sample"), table[..., n + 1], units),
            "end": (("path", "sample"), table[..., n + 2], units),
        },
        {"path": list(PATHS), "sample": samples, "player": np.arange(n)},
    )


def provenance_of(experiment: Experiment, recipe: Recipe) -> dict[str, str]:
    """Where attributions come from."""
    return {
        "name": experiment.name,
        "dataset": experiment.dataset,
        "network": experiment.network,
        "method": "Integrated Gradients of the log-odds, summed over the variables of each player",
        "weights": recipe.origin,
        "weights_sha256": identity(recipe.network),
        "data_sha256": recipe.dataset.checksum,
        "device": machine(),
        "versions": json.dumps(versions() | {"captum": version("captum")}),
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def checksum_of(found: xr.Dataset) -> str:
    """One checksum of all numbers."""
    return checksum(np.concatenate([found[name].values.ravel() for name in sorted(found.data_vars)]))


if __name__ == "__main__":
    import sys

    for game_name in sys.argv[1:]:
        print(make_attributions(game_name))
