"""Make the game of an experiment: train, probe, mask, store. Interrupted at any moment, it resumes where it stopped.

Several processes or machines with a common disk can share the work: of those that want a network or its probes, one
trains and the others wait; each masks its part of the samples; and the last one puts the game together.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lkutils import probes
from lkutils.devices import default_device, threads
from lkutils.epochs import fingerprint
from lkutils.masking import coalition_values
from lkutils.paper import paths
from lkutils.paper.chunks import Chunks, check_part, chunk_key, compute_part, lock_of, merging, network_key
from lkutils.paper.experiments import EXPERIMENTS, PROBES, Experiment, Optimum, find_experiment, game_path, pretrained
from lkutils.paper.ladder import probe_at_optimum
from lkutils.paper.provenance import machine, versions
from lkutils.paper.recipes import Recipe, recipe_of
from lkutils.paper.samples import check_better_than_chance, choose_samples, leave_out_wrong, read_samples
from lkutils.paper.training import fit, predict
from lkutils.storage import checksum, is_intact, store

SAMPLES_PER_CHUNK = 5
STAGES = ("network", "probes")  # after which the making of a game can stop

# Variants with the main experiment's network, and those with its probes too, masked in another way.
SAME_PROBES = ("mean", "zero", "blur")
SAME_NETWORK = (*SAME_PROBES, "random-labels", *PROBES)


def steady(make: Callable[..., Path | None]) -> Callable[..., Path | None]:
    """Let a maker of games make those of the smoke profile with one thread, so that they are the same everywhere."""

    @wraps(make)
    def made(name: str, *others, **options) -> Path | None:
        smoke = find_experiment(name).profile == "smoke"
        with threads(1 if smoke else torch.get_num_threads()):
            return make(name, *others, **options)

    return made


@steady
def make_game(
    name: str, weights: str | None = None, part: tuple[int, int] = (0, 1), until: str | None = None
) -> Path | None:
    """Train, probe and mask; store the game. Whatever is finished already is not done again.

    Interrupted at any moment it resumes: network and probes after their last epoch, masking after its last chunk of
    samples. The file of an earlier game stays as it is until the new one is complete.

    Args:
        name: of the game; "mnist/mlp7.seed1" is that of another seed.
        weights: of a transformer, a model's name on the Hugging Face hub or its folder; None trains from scratch.
        part: (k, m) masks every m-th chunk of samples only, from the k-th on.
        until: one of `STAGES`, to stop after it.

    Returns:
        Where the game is stored; None where it stopped before, or chunks of other parts are still missing.

    Raises:
        ValueError: unknown name, weights that do not belong to the network, a network that is no better than chance, or
            a part or stage that does not exist.
        OSError: no such weights, or none in safetensors format.
    """
    experiment = find_experiment(name) if weights is None else pretrained(find_experiment(name), weights)
    check_part(part)
    check_stage(until)
    device = default_device()

    recipe = recipe_of(experiment)
    training_seconds = train(experiment, recipe, device)
    if until == "network":
        return None
    probed, probing_seconds = probe(experiment, recipe, device)
    if until == "probes":
        return None
    samples = samples_of(experiment, recipe, device, samples_path(experiment))
    chunks = chunks_of(experiment, recipe, probed, samples, device)
    compute_part(chunks, part, f"masking {experiment.name}, {SAMPLES_PER_CHUNK} samples a step")
    with merging(chunks, part) as found:
        if found is None:
            return None
        tables, masking_seconds = found
        coordinates = {"layer": list(probed.layers), "sample": samples, "coalition": np.arange(tables[0].shape[-1])}
        values = xr.DataArray(np.concatenate(tables, axis=1), coordinates, ("layer", "sample", "coalition"))
        seconds = {"training": training_seconds, "probing": probing_seconds, "masking": masking_seconds}
        store(labelled_game(experiment, recipe, probed, values, seconds), game_path(experiment))
    return game_path(experiment)


def check_stage(until: str | None) -> None:
    """Making a game can stop after some of its stages only.

    Raises:
        ValueError: after this one it cannot.
    """
    if until not in (None, *STAGES):
        raise ValueError(f"until={until!r}; making a game can stop after {' or '.join(STAGES)}")


def train(experiment: Experiment, recipe: Recipe, device: torch.device) -> float:
    """Train the recipe's network in place, unless it comes with weights; returns the seconds that took.

    Raises:
        ValueError: the network is no better than chance, unless it is meant to be untrained.
    """
    network, dataset, seconds = recipe.network.to(device).eval(), recipe.dataset, 0.0
    if not recipe.trained:
        checkpoint = checkpoint_path(experiment, "network")
        inputs, labels = dataset.train_inputs, dataset.train_labels
        with lock_of(checkpoint):
            put_damaged_aside(checkpoint)
            seconds = fit(network, inputs, labels, experiment.training, checkpoint, device, recipe.lengths)
    if experiment.variant != "untrained":
        right = predict(network, dataset.test_inputs, device) == dataset.test_labels
        check_better_than_chance(right.float().mean().item(), dataset.test_labels, experiment.name)
    return seconds


def probe(experiment: Experiment, recipe: Recipe, device: torch.device) -> tuple[probes.ProbedNetwork, float]:
    """The trained network with trained linear probes on its layers, and the seconds that probing took."""
    dataset, labels = recipe.dataset, recipe.dataset.train_labels
    if experiment.variant == "random-labels":
        labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(experiment.probes.seed))]
    checkpoint = checkpoint_path(experiment, "probes")
    with lock_of(checkpoint):
        put_damaged_aside(checkpoint)
        if isinstance(experiment.probes, Optimum):
            return probe_at_optimum(recipe, experiment.probes.seed, device, checkpoint)
        probed = probes.ProbedNetwork(
            recipe.network, recipe.layers, dataset.train_inputs[:1], dataset.n_classes, recipe.pool
        )
        seconds = probes.fit_probes(
            probed,
            dataset.train_inputs,
            labels,
            checkpoint=checkpoint,
            device=device,
            lengths=recipe.lengths,
            **asdict(experiment.probes),
        )
    return probed.to(device), seconds


def put_damaged_aside(checkpoint: Path) -> None:
    """Rename a damaged checkpoint, for the training to start anew; one line on stderr says so.

    It is not removed: one of an earlier version, which had no seal, may hold hours of work.
    """
    if checkpoint.exists() and not is_intact(checkpoint):
        checkpoint.replace(checkpoint.with_suffix(".damaged"))


def checkpoint_path(experiment: Experiment, part: str) -> Path:
    """Where the checkpoint of an experiment's network or probes is."""
    source = "pretrained." if experiment.weights else ""
    same = SAME_PROBES if part == "probes" else SAME_NETWORK
    main = replace(experiment, variant="") if experiment.variant in same else experiment
    return paths.CACHE / "checkpoints" / f"{main.name}.{source}{part}.pt"


def samples_path(experiment: Experiment) -> Path:
    """Where the list of a data set's samples is; other probes have those of the main experiment."""
    main = replace(experiment, variant="") if experiment.variant in PROBES else experiment
    return game_path(main).parent / "samples.json"


def samples_of(experiment: Experiment, recipe: Recipe, device: torch.device, path: Path) -> np.ndarray:
    """Numbers of the game's samples: those of a list, without those that the network gets wrong.

    Where there is no list yet, every network of the data set is trained, and samples that all of them classify
    correctly are chosen.

    Args:
        path: of the list.

    Raises:
        ValueError: the list is damaged, or the network gets all of its samples wrong.
    """
    inputs, labels = recipe.dataset.sample_inputs, recipe.dataset.sample_labels
    if not (path.exists() if experiment.profile == "paper" else is_intact(path)):
        candidates = np.random.default_rng(0).permutation(len(labels))
        correct = []
        for peer in peers_of(experiment):
            other = recipe_of(peer)
            train(peer, other, device)
            correct.append(
                predict(other.network, other.dataset.sample_inputs[candidates], device) == labels[candidates]
            )
        choose_samples(candidates, torch.stack(correct).all(dim=0), experiment.n_samples, path, experiment.dataset)
    samples = read_samples(path, len(labels), experiment.dataset)
    if experiment.variant == "untrained":  # it gets most of them wrong
        return samples
    return leave_out_wrong(samples, predict(recipe.network, inputs[samples], device), labels[samples], experiment.name)


def peers_of(experiment: Experiment) -> list[Experiment]:
    """All experiments on the same data set in the same profile."""
    return [e for e in EXPERIMENTS.values() if (e.dataset, e.profile) == (experiment.dataset, experiment.profile)]


def chunks_of(
    experiment: Experiment, recipe: Recipe, probed: probes.ProbedNetwork, samples: np.ndarray, device: torch.device
) -> Chunks:
    """v^(l)(x_T) of all samples, a few of them in each chunk."""
    dataset, network, chunks = recipe.dataset, network_key(probed), {}
    for start in range(0, len(samples), SAMPLES_PER_CHUNK):
        few = torch.from_numpy(samples[start : start + SAMPLES_PER_CHUNK])
        tensors = (
            dataset.sample_inputs[few],
            dataset.sample_labels[few],
            dataset.sample_players[few],
            dataset.baseline_of(few),
        )

        def values(tensors: tuple[torch.Tensor, ...] = tensors) -> torch.Tensor:
            return coalition_values(probed, *(tensor.to(device) for tensor in tensors), dataset.n_players)

        chunks[chunk_folder(experiment) / f"{chunk_key(network, few, *tensors)}.npz"] = values
    return chunks


def chunk_folder(experiment: Experiment) -> Path:
    """Where the finished chunks of an experiment's game lie until it is stored."""
    return paths.CACHE / "chunks" / experiment.name


def labelled_game(
    experiment: Experiment,
    recipe: Recipe,
    probed: probes.ProbedNetwork,
    values: xr.DataArray,
    seconds: dict[str, float],
) -> xr.Dataset:
    """The game as it is stored: values (layer, sample, ...) with all that belongs to them, and where they come from."""
    dataset, samples = recipe.dataset, values["sample"].values.tolist()
    accuracy = probes.accuracy(probed, dataset.test_inputs, dataset.test_labels).cpu().numpy()
    probe_accuracy = accuracy[[probed.layers.index(layer) for layer in values["layer"].values]]
    players = dataset.sample_players[samples].numpy().astype(np.int8)
    player_axes = {1: ("sample", "position"), 2: ("sample", "y", "x")}[players.ndim - 1]
    names = {"player_name": ("player", list(dataset.player_names))} if dataset.player_names else {}
    return xr.Dataset(
        {
            "values": values.assign_attrs(units="log-odds", long_name="v^(l)(x_T)"),
            "label": ("sample", dataset.sample_labels[samples].numpy()),
            "players": (player_axes, players),
            **names,
            "probe_accuracy": ("layer", probe_accuracy, {"long_name": "accuracy on the test set"}),
        },
        attrs={
            "name": experiment.name,
            "dataset": experiment.dataset,
            "network": experiment.network,
            "n_players": dataset.n_players,
            "network_accuracy": float(accuracy[-1]),
            "n_test": len(dataset.test_labels),
            "weights": recipe.origin,
            "settings": json.dumps(asdict(experiment)),
            "seconds": json.dumps(seconds),
            "device": machine(),
            "threads": torch.get_num_threads(),
            "versions": json.dumps(versions()),
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "data_sha256": dataset.checksum,
            "weights_sha256": fingerprint(probed),
            "values_sha256": checksum(values.values),
        },
    )
