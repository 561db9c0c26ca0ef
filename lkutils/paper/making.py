"""Make the game of an experiment: train, probe, mask, store. Interrupted at any moment, it resumes where it stopped."""

from __future__ import annotations

import datetime
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

from lkutils import probes
from lkutils.devices import default_device
from lkutils.epochs import fingerprint
from lkutils.masking import coalition_values
from lkutils.paper import paths
from lkutils.paper.datasets import Dataset
from lkutils.paper.experiments import EXPERIMENTS, Experiment, find_experiment, game_path, pretrained
from lkutils.paper.provenance import machine, versions
from lkutils.paper.recipes import dataset_of, layers_of, lengths_of, network_of
from lkutils.paper.training import fit, predict
from lkutils.progress import progress
from lkutils.storage import checksum, replacing, store

SAMPLES_PER_CHUNK = 5


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


def trained_network(experiment: Experiment, dataset: Dataset, device: torch.device) -> tuple[nn.Module, float]:
    """The experiment's network, trained or with its public weights, and the seconds that training took."""
    network = network_of(experiment, dataset)
    if experiment.training is None or getattr(network, "has_head", False):
        return network.to(device).eval(), 0.0
    checkpoint = checkpoint_path(experiment, "network")
    lengths = lengths_of(network, dataset.train_inputs)
    seconds = fit(network, dataset.train_inputs, dataset.train_labels, experiment.training, checkpoint, device, lengths)
    return network, seconds


def probed_network(
    experiment: Experiment, network: nn.Module, dataset: Dataset, device: torch.device
) -> tuple[probes.ProbedNetwork, float]:
    """The network with trained linear probes on its layers, and the seconds that probing took."""
    layers, pool = layers_of(network)
    probed = probes.ProbedNetwork(network, layers, dataset.train_inputs[:1], dataset.n_classes, pool)
    checkpoint = checkpoint_path(experiment, "probes")
    seconds = probes.fit_probes(
        probed,
        dataset.train_inputs,
        dataset.train_labels,
        checkpoint=checkpoint,
        device=device,
        lengths=lengths_of(network, dataset.train_inputs),
        **asdict(experiment.probes),
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
    with replacing(path) as temporary:
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
            with replacing(path) as temporary, temporary.open("wb") as file:
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
