"""Games: the table of v^(l)(x_T) for every layer, sample and coalition. Compute, store, load; and their interactions.

A game is the only thing that needs a network and a data set. It is one labelled ``xarray.Dataset`` in a netCDF file:
those of the paper's experiments are shipped in ``data/games/``, those of the smoke profile are made on first use.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import nn

from lkutils import paths, probes
from lkutils.checkpoints import fingerprint
from lkutils.datasets import Dataset
from lkutils.experiments import (
    EXPERIMENTS,
    Experiment,
    dataset_of,
    find_experiment,
    layers_of,
    network_of,
    pretrained,
)
from lkutils.extraction import Interactions, extract_interactions
from lkutils.masking import coalition_values
from lkutils.mobius import values_from_interactions
from lkutils.progress import progress
from lkutils.provenance import machine, versions
from lkutils.training import default_device, fit, predict

SAMPLES_PER_CHUNK = 5
INTERACTIONS_VERSION = 2  # raise it when extract_interactions changes what it returns, to make old caches invalid


# ---- load -----------------------------------------------------------------------------------------------------------


def game_path(experiment: Experiment) -> Path:
    """Where an experiment's game is stored: shipped for the paper profile, in the cache for smoke."""
    folder = paths.GAMES if experiment.profile == "paper" else paths.CACHE / "games"
    return folder / experiment.dataset / f"{experiment.network}.nc"


def names(profile: str) -> list[str]:
    """The games of a profile that can be read at once ("paper": the shipped ones) or made in seconds ("smoke").

    Raises:
        ValueError: unknown profile.
    """
    if profile not in ("paper", "smoke"):
        raise ValueError(f"unknown profile {profile!r}; known are paper, smoke")
    chosen = [experiment for experiment in EXPERIMENTS.values() if experiment.profile == profile]
    return [e.name for e in chosen if profile == "smoke" or game_path(e).exists()]


def load_game(name: str) -> xr.Dataset:
    """Load a game and verify it; a game of the smoke profile is made first when it does not exist yet.

    Returns:
        ``values`` (layer, sample, coalition) in log-odds, ``label`` (sample), ``players`` (sample, ...),
        ``probe_accuracy`` (layer), and the provenance as attributes. The layer "output" is the network's own.

    Raises:
        ValueError: unknown name, or a file that is truncated, altered or holds values that are not finite.
        FileNotFoundError: a game that is not shipped and was not made yet.

    Example:
        >>> load_game("mnist/mlp7").values.dims
        ('layer', 'sample', 'coalition')
    """
    experiment = find_experiment(name)
    path = game_path(experiment)
    remedy = f"make it with: python -m lkutils game --dataset {experiment.dataset} --network {experiment.network}"
    if not path.exists():
        if experiment.profile == "paper":
            raise FileNotFoundError(f"there is no game {name} at {path}; {remedy}")
        make_game(name)
    try:
        game = xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} is truncated or no game ({error}); restore it from the repository, or {remedy}"
        ) from error
    if checksum(game["values"].values) != game.attrs.get("values_sha256"):
        raise ValueError(f"{path} was altered: its values do not have the checksum it names; restore it, or {remedy}")
    return game


def load_games(chosen: list[str]) -> dict[str, xr.Dataset]:
    """Several games by title.

    Example:
        >>> list(load_games(["mnist/mlp7", "sst2/bert"]))
        ['mnist/mlp7', 'sst2/bert (scratch)']
    """
    games = [load_game(name) for name in chosen]
    return {title(game): game for game in games}


def title(game: xr.Dataset) -> str:
    """Name of a game as figures and tables show it: of a transformer it says whether it was pretrained."""
    kinds = {"from scratch": " (scratch)", "pretrained": " (pretrained)"}
    return game.attrs["name"] + kinds.get(game.attrs["weights"].split(":")[0], "")


def list_games() -> list[xr.Dataset]:
    """All games that exist, the shipped ones and those of the smoke profile made so far, without their values."""
    existing = [game_path(experiment) for experiment in EXPERIMENTS.values() if game_path(experiment).exists()]
    games = []
    for path in existing:
        with xr.open_dataset(path, engine="h5netcdf") as game:
            games.append(game.drop_vars("values").load())
    return games


# ---- make -----------------------------------------------------------------------------------------------------------


def make_game(name: str, weights: str | None = None) -> Path:
    """Train, probe and mask; store the game. Whatever is finished already is not done again.

    Interrupted at any moment it resumes: network and probes after their last epoch, masking after its last chunk of
    samples. The file of an earlier game stays as it is until the new one is complete.

    Args:
        name: of the game.
        weights: of a transformer, a model's name on the Hugging Face hub or its folder; None trains from scratch.

    Raises:
        ValueError: unknown name, or weights that do not belong to the network.
        OSError: no such weights, or none in safetensors format.
    """
    experiment = find_experiment(name) if weights is None else pretrained(find_experiment(name), weights)
    device = default_device()
    dataset = dataset_of(experiment)
    network, training_seconds = trained_network(experiment, dataset, device)
    probed, probing_seconds = probed_network(experiment, network, dataset, device)
    accuracy = probes.accuracy(probed, dataset.test_inputs, dataset.test_labels)

    samples = correct_samples(experiment, network, dataset, device)
    values, masking_seconds = masked_values(experiment, probed, dataset, samples, device)
    game = xr.Dataset(
        {
            "values": (("layer", "sample", "coalition"), values, {"units": "log-odds", "long_name": "v^(l)(x_T)"}),
            "label": ("sample", dataset.sample_labels[samples].numpy()),
            "players": (player_axes(dataset), dataset.sample_players[samples].numpy().astype(np.int8)),
            "probe_accuracy": ("layer", accuracy.cpu().numpy(), {"long_name": "accuracy on the test set"}),
        },
        coords={"layer": list(probed.layers), "sample": samples, "coalition": np.arange(values.shape[-1])},
        attrs={
            "name": name,
            "dataset": experiment.dataset,
            "network": experiment.network,
            "n_players": dataset.n_players,
            "network_accuracy": float(accuracy[-1]),
            "n_test": len(dataset.test_labels),
            "weights": getattr(network, "origin", experiment.weights or "trained here"),
            "settings": json.dumps(asdict(experiment)),
            "seconds": json.dumps(
                {"training": training_seconds, "probing": probing_seconds, "masking": masking_seconds}
            ),
            "device": machine(),
            "versions": json.dumps(versions()),
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "data_sha256": dataset.checksum,
            "weights_sha256": fingerprint(probed),
            "values_sha256": checksum(values),
        },
    )
    store(game, game_path(experiment))
    shutil.rmtree(chunk_folder(experiment, probed), ignore_errors=True)
    return game_path(experiment)


def store(dataset: xr.Dataset, path: Path) -> None:
    """Write a netCDF file, compressed, all or nothing."""
    encoding = {name: {"zlib": True, "shuffle": True, "complevel": 6} for name in dataset.data_vars}
    with paths.replacing(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def trained_network(experiment: Experiment, dataset: Dataset, device: torch.device) -> tuple[nn.Module, float]:
    """The experiment's network, trained or with its public weights, and the seconds that training took."""
    network = network_of(experiment, dataset)
    if experiment.training is None or getattr(network, "has_head", False):
        return network.to(device).eval(), 0.0
    checkpoint = checkpoint_path(experiment, "network")
    seconds = fit(network, dataset.train_inputs, dataset.train_labels, experiment.training, checkpoint, device)
    return network, seconds


def probed_network(
    experiment: Experiment, network: nn.Module, dataset: Dataset, device: torch.device
) -> tuple[probes.ProbedNetwork, float]:
    """The network with trained linear probes on its layers, and the seconds that probing took."""
    layers, pool = layers_of(network)
    probed = probes.ProbedNetwork(network, layers, dataset.train_inputs[:1], dataset.n_classes, pool)
    checkpoint = checkpoint_path(experiment, "probes")
    settings = asdict(experiment.probes)
    seconds = probes.fit_probes(
        probed, dataset.train_inputs, dataset.train_labels, checkpoint=checkpoint, device=device, **settings
    )
    return probed, seconds


def checkpoint_path(experiment: Experiment, part: str) -> Path:
    """Where the checkpoint of an experiment's network or probes is."""
    source = "pretrained." if experiment.weights else ""
    return paths.CACHE / "checkpoints" / f"{experiment.name}.{source}{part}.pt"


def correct_samples(experiment: Experiment, network: nn.Module, dataset: Dataset, device: torch.device) -> np.ndarray:
    """Index of the game's samples: the same for all networks of a data set, and classified correctly.

    The list is stored beside the games. Where there is none yet, every network of the data set is trained and the first
    samples of a random order that all of them classify correctly are chosen. A network that was trained afresh may fail
    on a few of the listed samples; those are left out with a warning.
    """
    path = game_path(experiment).parent / "samples.json"
    if not path.exists():
        choose_samples(experiment, path, device)
    samples = np.array(json.loads(path.read_text()))
    inputs, labels = dataset.sample_inputs[samples], dataset.sample_labels[samples]
    correct = (predict(network, inputs, device) == labels).numpy()
    if not correct.all():
        warnings.warn(
            f"{experiment.name} does not classify samples {samples[~correct].tolist()} correctly; they are left out",
            stacklevel=2,
        )
    return samples[correct]


def choose_samples(experiment: Experiment, path: Path, device: torch.device) -> None:
    """Choose the samples of a data set's games, and store the list."""
    peers = [e for e in EXPERIMENTS.values() if (e.dataset, e.profile) == (experiment.dataset, experiment.profile)]
    correct = []
    for peer in peers:
        dataset = dataset_of(peer)
        network, _ = trained_network(peer, dataset, device)
        correct.append(predict(network, dataset.sample_inputs, device) == dataset.sample_labels)
    order = np.random.default_rng(0).permutation(len(correct[0]))
    chosen = order[torch.stack(correct).all(dim=0).numpy()[order]][: experiment.n_samples]
    with paths.replacing(path) as temporary:
        temporary.write_text(json.dumps(sorted(chosen.tolist())) + "\n")


def masked_values(
    experiment: Experiment,
    probed: probes.ProbedNetwork,
    dataset: Dataset,
    samples: np.ndarray,
    device: torch.device,
) -> tuple[np.ndarray, float]:
    """v^(l)(x_T) of all samples, chunk by chunk, and the seconds it took; finished chunks are read from the cache."""
    folder = chunk_folder(experiment, probed)
    seconds, chunks = 0.0, []
    starts = range(0, len(samples), SAMPLES_PER_CHUNK)
    for start in progress(starts, f"masking {experiment.name}, {SAMPLES_PER_CHUNK} samples a step"):
        part, path = samples[start : start + SAMPLES_PER_CHUNK], folder / f"{start}.npz"
        if not path.exists():
            began = time.perf_counter()
            values = coalition_values(
                probed.to(device),
                dataset.sample_inputs[part].to(device),
                dataset.sample_labels[part].to(device),
                dataset.sample_players[part].to(device),
                dataset.baseline.to(device),
                dataset.n_players,
            )
            with paths.replacing(path) as temporary, temporary.open("wb") as file:
                np.savez(file, values=values.float().cpu().numpy(), seconds=time.perf_counter() - began)
        with np.load(path) as chunk:
            chunks.append(chunk["values"])
            seconds += float(chunk["seconds"])
    return np.concatenate(chunks, axis=1), seconds


def chunk_folder(experiment: Experiment, probed: probes.ProbedNetwork) -> Path:
    """Where the finished chunks lie; other weights, other folder."""
    return paths.CACHE / "chunks" / experiment.name / fingerprint(probed)[:16]


def player_axes(dataset: Dataset) -> tuple[str, ...]:
    """Names of the axes of ``sample_players``."""
    return {1: ("sample", "position"), 2: ("sample", "y", "x")}[dataset.sample_players.ndim - 1]


# ---- interactions ---------------------------------------------------------------------------------------------------


def interactions_of(
    game: xr.Dataset,
    layers: list[str] | None = None,
    kappa_ratio: float = 0.04,
    method: str = "exact",
    gap: float = 0.005,
) -> xr.Dataset:
    """The AND-OR interactions of a game's layers, each extracted once and then read from the cache.

    Args:
        game: what :func:`load_game` returns, or a part of it.
        layers: names of the layers; all of them when None.
        kappa_ratio, method, gap: as in :func:`lkutils.extraction.extract_interactions`.

    Returns:
        ``interactions`` (kind, layer, sample, coalition) in log-odds with kind "and" or "or", ``delta`` (layer, sample,
        coalition), and ``objective``, ``lower_bound``, ``gap`` (layer, sample).

    Raises:
        KeyError: unknown layer.
    """
    chosen = game if layers is None else game.sel(layer=layers)
    bar = progress(chosen["layer"].values, f"interactions of {game.attrs.get('name', 'the game')}")
    return xr.concat(
        [interactions_of_layer(chosen.sel(layer=[layer]), kappa_ratio, method, gap) for layer in bar], "layer"
    )


def interactions_of_layer(game: xr.Dataset, kappa_ratio: float, method: str, gap: float) -> xr.Dataset:
    """The interactions of a game of one layer: those shipped or found before for the same values, else extracted."""
    values = game["values"].values.astype(float)
    key = checksum(game["values"].values, f"{INTERACTIONS_VERSION} {kappa_ratio!r} {method} {gap!r}")
    path = interactions_path(paths.GAMES, key)
    if not path.exists():
        path = interactions_path(paths.CACHE, key)
    if not path.exists():
        store_interactions(extract_interactions(torch.from_numpy(values), kappa_ratio, method=method, gap=gap), path)
    found = xr.load_dataset(path, engine="h5netcdf")
    found["interactions"] = (found["multiples"] * found["unit"]).transpose("kind", "layer", "sample", "coalition")
    and_, or_ = torch.from_numpy(found["interactions"].values)
    delta = values - values_from_interactions(and_, or_).numpy()
    found["delta"] = (("layer", "sample", "coalition"), delta, {"units": "log-odds"})
    found = found.drop_vars(["multiples", "unit"])
    return found.assign_coords(
        kind=["and", "or"], layer=game["layer"], sample=game["sample"], coalition=game["coalition"]
    )


def interactions_path(folder: Path, key: str) -> Path:
    """Where the interactions of one layer are stored, by the checksum of what they were extracted from and how."""
    return folder / "interactions" / f"{key[:32]}.nc"


def store_interactions(found: Interactions, path: Path) -> None:
    """Store interactions as multiples of a millionth of the strongest one of each sample, which makes the file small.

    Eq. (3) stays exact, because delta is what the rounded interactions leave of the values. By so much as the rounding
    errors add up to, less than a thousandth of the strongest interaction, delta may exceed kappa.
    """
    both = torch.stack([found.and_, found.or_])
    unit = both.abs().amax((0, -1)).clamp(min=torch.finfo(both.dtype).tiny) * 2.0**-20
    dataset = xr.Dataset(
        {
            "multiples": (("kind", "layer", "sample", "coalition"), (both / unit[..., None]).round().int().numpy()),
            "unit": (("layer", "sample"), unit.numpy(), {"units": "log-odds"}),
            "objective": (("layer", "sample"), found.objective.numpy(), {"units": "log-odds"}),
            "lower_bound": (("layer", "sample"), found.lower_bound.numpy(), {"units": "log-odds"}),
            "gap": (("layer", "sample"), found.gap.numpy()),
        }
    )
    store(dataset, path)


# ---- provenance -----------------------------------------------------------------------------------------------------


def checksum(array: np.ndarray, *more: str) -> str:
    """The sha256 of an array's shape and content, and of any text given with it."""
    digest = hashlib.sha256(f"{array.shape} {array.dtype} {more}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
