"""Games on noisy inputs (Sec. 3.3, Eq. 10): v^(l)((x + epsilon)_T) for several draws of epsilon, draw 0 without noise.

The paper adds noise epsilon ~ N(0, 0.02^2) to training samples and does not say at which scale; here it is that of
pixels from 0 to 1. Noise comes before masking: the baseline stays clean. Only one layer is needed (App. M.3), and the
forward pass stops after it.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from lkutils.devices import default_device
from lkutils.masking import coalition_values
from lkutils.paper.chunks import chunk_key, remembered
from lkutils.paper.datasets import IMAGES
from lkutils.paper.experiments import MIDDLE_LAYERS, Experiment, find_experiment, game_path
from lkutils.paper.making import chunk_folder, labelled_game, probe, train
from lkutils.paper.recipes import Recipe, recipe_of
from lkutils.paper.training import predict
from lkutils.probes import ProbedNetwork
from lkutils.progress import progress
from lkutils.storage import store

SIGMA = 0.02
CANDIDATES = 1000  # training samples to choose from
PLAYERS_SEED = 1  # of the patches of CIFAR-10's training images; those of its test images have 0


def make_noise_game(
    name: str,
    draws: int = 20,
    sigma: float = SIGMA,
    n_samples: int = 20,
    part: tuple[int, int] = (0, 1),
    test: bool = False,
) -> Path | None:
    """Train, probe, and mask training samples with noise; store the game as "<network>.noise.nc".

    Network and probes are those of the experiment's game. Interrupted at any moment it resumes after the last finished
    sample, and several processes or machines with a common cache can share the samples.

    Args:
        name: of a game of images.
        draws: of the noise, beside the clean input.
        sigma: standard deviation of the noise, where pixels go from 0 to 1.
        n_samples: training samples, the first in a random order that the network classifies correctly.
        part: (k, m) masks every m-th sample only, from the k-th on.
        test: mask test samples instead.

    Returns:
        Where the game is stored; None where samples of other parts are still missing.

    Raises:
        ValueError: unknown name, no images, or numbers that make no game.
    """
    experiment = dataclasses.replace(find_experiment(name), n_samples=n_samples)
    check_noise(experiment, draws, sigma, part)
    device = default_device()

    recipe = recipe_of(experiment)
    if not test:
        recipe = on_training_samples(experiment, recipe)
    noisy, layer = with_noise(experiment, sigma, test), MIDDLE_LAYERS[experiment.network]
    training_seconds = train(experiment, recipe, device)
    probed, probing_seconds = probe(experiment, recipe, device)
    samples = correct_samples(recipe, n_samples, device)
    chunk_paths = [chunk_path(noisy, recipe, probed, layer, sample, draws, sigma) for sample in samples]

    def noisy_values(k: int) -> tuple[np.ndarray, float]:
        """v^(l) of a sample's draws, and the seconds it took; computed once."""
        inputs = noisy_inputs(recipe, IMAGES[experiment.dataset].std, samples[k], draws, sigma)
        return remembered(chunk_paths[k], lambda: values_at(recipe, probed, layer, samples[k], inputs, device))

    for k in progress(range(part[0], len(samples), part[1]), f"noise on {name}, a sample a step"):
        noisy_values(k)
    if not all(path.exists() for path in chunk_paths):
        return None
    chunks = [noisy_values(k) for k in range(len(samples))]
    values = np.stack([values for values, _ in chunks], axis=1)

    coordinates = {"layer": [layer], "sample": samples}
    values = xr.DataArray(values, coordinates, ("layer", "sample", "draw", "coalition"))
    values = values.assign_coords(draw=range(draws + 1), coalition=range(values.sizes["coalition"]))
    masking_seconds = sum(took for _, took in chunks)
    seconds = {"training": training_seconds, "probing": probing_seconds, "masking": masking_seconds}
    game = labelled_game(experiment, recipe, probed, values, seconds)
    store(game.assign_attrs(name=noisy.name, sigma=sigma, draws=draws), game_path(noisy))
    shutil.rmtree(chunk_folder(noisy), ignore_errors=True)
    return game_path(noisy)


def check_noise(experiment: Experiment, draws: int, sigma: float, part: tuple[int, int]) -> None:
    """Numbers must make a game.

    Raises:
        ValueError: they do not; the message says which and why.
    """
    if experiment.dataset not in IMAGES:
        raise ValueError(f"{experiment.name} has no pixels to add noise to; known are {', '.join(IMAGES)}")
    if not (sigma > 0 and math.isfinite(sigma)):
        raise ValueError(f"sigma={sigma}; the noise needs a standard deviation above 0, such as {SIGMA}")
    if draws < 2:
        raise ValueError(f"draws={draws}; a variance needs two at least, 20 for the figures")
    if experiment.n_samples < 1:
        raise ValueError(f"n_samples={experiment.n_samples}; expected at least 1")
    if not 0 <= part[0] < part[1]:
        raise ValueError(f"part={part} is none: expected (k, m) with k from 0 to m - 1")


def on_training_samples(experiment: Experiment, recipe: Recipe) -> Recipe:
    """The same recipe, with games on training samples; their players are found by the same rule."""
    source, dataset = IMAGES[experiment.dataset], recipe.dataset
    players = source.players(source.read("train")[0], PLAYERS_SEED)
    of_training = {"inputs": dataset.train_inputs, "labels": dataset.train_labels, "players": players}
    samples = {f"sample_{key}": tensor for key, tensor in of_training.items()}
    return recipe._replace(dataset=dataclasses.replace(dataset, **samples))


def correct_samples(recipe: Recipe, count: int, device: torch.device) -> list[int]:
    """Numbers of the first ``count`` training samples, in a random order, that the network classifies correctly.

    Other networks have no say, so that a network's noise game needs no other network.

    Raises:
        ValueError: there are not so many.
    """
    inputs, labels = recipe.dataset.sample_inputs, recipe.dataset.sample_labels
    candidates = np.random.default_rng(0).permutation(len(labels))[:CANDIDATES]
    correct = candidates[(predict(recipe.network, inputs[candidates], device) == labels[candidates]).numpy()]
    if len(correct) < count:
        raise ValueError(f"n_samples={count}, but the network classifies {len(correct)} correctly; ask for fewer")
    return sorted(correct[:count].tolist())


def noisy_inputs(
    recipe: Recipe, std: Sequence[float], sample: int, draws: int, sigma: float
) -> Float[Tensor, "draw channel y x"]:
    """The draws of a sample, on the network's scale, where a pixel's range is divided by ``std`` of its channel."""
    x, scale = recipe.dataset.sample_inputs[sample], torch.tensor(std)[:, None, None]
    return torch.stack([x + epsilon / scale for epsilon in noise_of(sample, draws, sigma, recipe.dataset.input_shape)])


def values_at(
    recipe: Recipe,
    probed: ProbedNetwork,
    layer: str,
    sample: int,
    inputs: Float[Tensor, "draw channel y x"],
    device: torch.device,
) -> Float[Tensor, "1 draw coalition"]:
    """v^(l) of a sample's draws on all coalitions."""
    dataset = recipe.dataset
    alike = [
        tensor[sample].expand(len(inputs), *tensor.shape[1:]).to(device)
        for tensor in (dataset.sample_labels, dataset.sample_players)
    ]
    score, baseline = logits_at(probed, layer), dataset.baseline.to(device)
    return coalition_values(score, inputs.to(device), *alike, baseline, dataset.n_players)


def noise_of(
    sample: int, draws: int, sigma: float, shape: tuple[int, ...], seed: int = 0
) -> list[Float[Tensor, "channel y x"]]:
    """The noise of each draw, none in draw 0; it depends on seed, sample and draw only, wherever it is computed.

    Example:
        >>> clean, first, second = noise_of(7, 2, 0.02, (1, 28, 28))
        >>> clean.abs().max().item(), round(first.std().item(), 2)
        (0.0, 0.02)
    """
    drawn = [np.random.default_rng([seed, int(sample), draw]).normal(0, sigma, shape) for draw in range(1, draws + 1)]
    return [torch.from_numpy(epsilon).float() for epsilon in (np.zeros(shape), *drawn)]


def logits_at(probed: ProbedNetwork, layer: str) -> Callable[[Tensor], Float[Tensor, "1 batch cls"]]:
    """What the probe of one layer says; the forward pass stops after that layer."""
    wanted = probed.layers.index(layer)

    class Reached(Exception):  # noqa: N818 (no error: it ends a forward pass)
        """Carries the logits out of the network."""

    def visit(index: int, feature: Float[Tensor, "batch width"]) -> None:
        if index == wanted:
            raise Reached(probed.probes[index](feature))

    def score(inputs: Tensor) -> Float[Tensor, "1 batch cls"]:
        try:
            return probed.visit_features(inputs, visit)[None]  # of the output, there is nothing to stop after
        except Reached as reached:
            return reached.args[0].detach()[None]

    return score


def with_noise(experiment: Experiment, sigma: float = SIGMA, test: bool = False) -> Experiment:
    """The variant whose game has noise; what is not as in the paper stands in its name.

    Example:
        >>> with_noise(find_experiment("mnist/mlp7"), sigma=0.01, test=True).name
        'mnist/mlp7.noise.sigma0.01.test'
    """
    scale = "" if sigma == SIGMA else f".sigma{sigma:g}"
    return dataclasses.replace(experiment, variant=f"noise{scale}{'.test' * test}")


def chunk_path(
    noisy: Experiment, recipe: Recipe, probed: ProbedNetwork, layer: str, sample: int, draws: int, sigma: float
) -> Path:
    """Where a sample's values lie; its name depends on everything that they depend on."""
    dataset, only = recipe.dataset, slice(int(sample), int(sample) + 1)
    key = chunk_key(
        probed,
        torch.tensor([int(sample)]),
        dataset.sample_inputs[only],
        dataset.sample_labels[only],
        dataset.sample_players[only],
        dataset.baseline,
        f"{layer=} {draws=} {sigma=}",
    )
    return chunk_folder(noisy) / f"{key}.npz"
