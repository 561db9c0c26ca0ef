"""Games on noisy inputs (Sec. 3.3, Eq. 10): v^(l)((x + epsilon)_T) for several draws of epsilon, draw 0 without noise.

The paper adds noise epsilon ~ N(0, 0.02^2) to training samples and does not say at which scale; here it is that of
pixels from 0 to 1. Noise comes before masking: the baseline stays clean. Only one layer is needed (App. M.3), and the
forward pass stops after it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from lkutils.devices import default_device
from lkutils.masking import coalition_values
from lkutils.paper.chunks import Chunks, check_part, chunk_key, compute_part, merging, network_key
from lkutils.paper.datasets import IMAGES
from lkutils.paper.experiments import MIDDLE_LAYERS, Experiment, find_experiment, game_path
from lkutils.paper.making import chunk_folder, labelled_game, probe, steady, train
from lkutils.paper.recipes import Recipe, recipe_of
from lkutils.paper.training import predict
from lkutils.probes import ProbedNetwork
from lkutils.storage import store

SIGMA = 0.02
SAMPLES = 20
CANDIDATES = 1000  # training samples to choose from
PLAYERS_SEED = 1  # of the patches of CIFAR-10's training images; those of its test images have 0


@steady
def make_noise_game(
    name: str,
    draws: int = 20,
    sigma: float = SIGMA,
    n_samples: int | None = None,
    part: tuple[int, int] = (0, 1),
    test: bool = False,
) -> Path | None:
    """Train, probe, and mask training samples with noise; store the game as "<network>.noise.nc".

    Network and probes are those of the experiment's game. Interrupted at any moment it resumes after the last finished
    draw, and several processes or machines with a common cache can share samples and draws.

    Args:
        name: of a game of images.
        draws: of the noise, beside the clean input.
        sigma: standard deviation of the noise, where pixels go from 0 to 1.
        n_samples: training samples, the first in a random order that the network classifies correctly; `SAMPLES` when
            None, or as many as the experiment's game has where those are fewer.
        part: (k, m) masks every m-th draw only, from the k-th on, going through all draws of all samples.
        test: mask test samples instead.

    Returns:
        Where the game is stored; None where draws of other parts are still missing.

    Raises:
        ValueError: unknown name, no images, or numbers that make no game.
    """
    experiment = find_experiment(name)
    count = min(SAMPLES, experiment.n_samples) if n_samples is None else n_samples
    experiment = dataclasses.replace(experiment, n_samples=count)
    check_noise(experiment, draws, sigma, part)
    device = default_device()

    recipe = recipe_of(experiment)
    if not test:
        recipe = on_training_samples(experiment, recipe)
    noisy, layer = with_noise(experiment, sigma, test), MIDDLE_LAYERS[experiment.network]
    training_seconds = train(experiment, recipe, device)
    probed, probing_seconds = probe(experiment, recipe, device)
    samples = correct_samples(recipe, count, device)
    chunks = chunks_of(noisy, recipe, probed, layer, samples, draws, sigma, device)
    compute_part(chunks, part, f"noise on {name}, a draw a step")
    with merging(chunks, part) as found:
        if found is None:
            return None
        tables, masking_seconds = found
        values = np.concatenate(tables, axis=1).reshape(1, len(samples), draws + 1, -1)
        coordinates = {"layer": [layer], "sample": samples}
        values = xr.DataArray(values, coordinates, ("layer", "sample", "draw", "coalition"))
        values = values.assign_coords(draw=range(draws + 1), coalition=range(values.sizes["coalition"]))
        seconds = {"training": training_seconds, "probing": probing_seconds, "masking": masking_seconds}
        game = labelled_game(experiment, recipe, probed, values, seconds)
        store(game.assign_attrs(name=noisy.name, sigma=sigma, draws=draws), game_path(noisy))
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
    check_part(part)


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


def chunks_of(
    noisy: Experiment,
    recipe: Recipe,
    probed: ProbedNetwork,
    layer: str,
    samples: Sequence[int],
    draws: int,
    sigma: float,
    device: torch.device,
) -> Chunks:
    """v^(l) of every draw of every sample on all coalitions, each in a chunk of its own."""
    dataset, network, std = recipe.dataset, network_key(probed), IMAGES[noisy.dataset].std
    score, chunks = logits_at(probed, layer), {}
    for sample in samples:
        of_sample = [t[sample][None] for t in (dataset.sample_inputs, dataset.sample_labels, dataset.sample_players)]
        number = torch.tensor([int(sample)])
        for draw in range(draws + 1):

            def values(sample: int = sample, draw: int = draw, of_sample: list[Tensor] = of_sample) -> Tensor:
                noise = noise_of_draw(sample, draw, sigma, dataset.input_shape) / torch.tensor(std)[:, None, None]
                tensors = of_sample[0] + noise, *of_sample[1:], dataset.baseline
                return coalition_values(score, *(tensor.to(device) for tensor in tensors), dataset.n_players)

            key = chunk_key(network, number, *of_sample, dataset.baseline, f"{layer=} {draw=} {sigma=}")
            chunks[chunk_folder(noisy) / f"{key}.npz"] = values
    return chunks


def noise_of(
    sample: int, draws: int, sigma: float, shape: tuple[int, ...], seed: int = 0
) -> list[Float[Tensor, "channel y x"]]:
    """The noise of each draw, none in draw 0.

    Example:
        >>> clean, first, second = noise_of(7, 2, 0.02, (1, 28, 28))
        >>> clean.abs().max().item(), round(first.std().item(), 2)
        (0.0, 0.02)
    """
    return [noise_of_draw(sample, draw, sigma, shape, seed) for draw in range(draws + 1)]


def noise_of_draw(
    sample: int, draw: int, sigma: float, shape: tuple[int, ...], seed: int = 0
) -> Float[Tensor, "channel y x"]:
    """The noise of one draw; it depends on seed, sample and draw only, wherever it is computed."""
    if draw == 0:
        return torch.zeros(shape)
    return torch.from_numpy(np.random.default_rng([seed, int(sample), draw]).normal(0, sigma, shape)).float()


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
