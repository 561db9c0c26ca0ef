"""What an experiment is made of: its data set, its network and the layers that are probed."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lkutils.paper import networks
from lkutils.paper.datasets import IMAGES, Dataset, load_dataset
from lkutils.paper.experiments import Experiment
from lkutils.paper.files import model_folder, read_file
from lkutils.paper.tables import TABLES, load_table
from lkutils.paper.transformers import pretrained_encoder, scratch_encoder

BLUR = 6  # the blur's standard deviation is this part of an image's side
ARCHITECTURES = {"minilm": "bert"}  # of pretrained networks whose name is another
GRAMMAR_BLOCKS = 2  # transformer blocks, which is enough for a small grammar


class Recipe(NamedTuple):
    """What a game is made with.

    Attributes:
        dataset: inputs as the network takes them.
        network: as it is before training, or with its public weights.
        origin: where the weights come from, in words.
        trained: whether the weights need no training.
        layers: names of the probed layers, in forward order, and the paths of their modules.
        pool: what makes a feature of a module's output, as `lkutils.probes.probe` takes it.
        lengths: of sentences, so that those of similar length can share a batch; None of what has no length.
    """

    dataset: Dataset
    network: nn.Module
    origin: str
    trained: bool
    layers: dict[str, str]
    pool: Callable[[Tensor], Tensor] | str = "flatten"
    lengths: Tensor | None = None


def recipe_of(experiment: Experiment) -> Recipe:
    """Data set and network of an experiment; weights are drawn from the seed of its training.

    Raises:
        ValueError: unknown data set or network, or weights that do not belong to it.
        OSError: a file is missing and cannot be downloaded.
    """
    torch.manual_seed(experiment.training.seed if experiment.training else 0)
    if experiment.dataset in ("sst2", "grammar"):
        return recipe_of_sentences(experiment)
    if experiment.dataset in TABLES:
        baseline = "mean" if experiment.variant.startswith("mean") else "typical"
        return recipe_of_arrays(experiment, load_table(experiment.dataset, baseline))
    return recipe_of_arrays(experiment, load_dataset(experiment.dataset))


def recipe_of_arrays(experiment: Experiment, dataset: Dataset) -> Recipe:
    """A network of images or tables, with random weights or public ones."""
    network = networks.build_network(experiment.network, dataset.input_shape, dataset.n_classes, experiment.width)
    if experiment.weights:
        networks.load_weights(network, io.BytesIO(read_file(experiment.weights)))
    untrained = experiment.variant == "untrained"
    return Recipe(
        masked_otherwise(dataset, experiment),
        network,
        origin=experiment.weights or ("initial weights" if untrained else "trained here"),
        trained=untrained or experiment.weights is not None,
        layers=networks.probed_layers(network),
    )


def masked_otherwise(dataset: Dataset, experiment: Experiment) -> Dataset:
    """The data set with the masked state that a control asks for: pixels of 0, or each image itself, blurred."""
    if experiment.variant == "zero":
        black = IMAGES[experiment.dataset].normalised(torch.zeros(1, *dataset.input_shape))[0]
        return dataclasses.replace(dataset, baseline=black)
    if experiment.variant == "blur":
        from torchvision.transforms.functional import gaussian_blur  # its import takes longer than all others together

        side = dataset.input_shape[-1]
        blurred = gaussian_blur(dataset.sample_inputs, side // 2 * 2 - 1, side / BLUR)
        return dataclasses.replace(dataset, baseline=blurred)
    return dataset


def recipe_of_sentences(experiment: Experiment) -> Recipe:
    """A transformer, from scratch or pretrained, and sentences as its tokenizer cuts them.

    Raises:
        ValueError: weights or a tokenizer that are incomplete, or of another architecture.
    """
    from lkutils.paper import grammar, sentences  # takes seconds to import, and only sentences need it

    is_grammar = experiment.dataset == "grammar"
    weights = model_folder(experiment.weights) if experiment.weights else None
    if is_grammar and not weights:
        tokenizer = grammar.grammar_tokenizer()
    else:
        tokenizer = sentences.tokenizer_of(experiment.network, weights)
    if weights:
        network = pretrained_encoder(weights, tokenizer, ARCHITECTURES.get(experiment.network, experiment.network))
    else:
        blocks = GRAMMAR_BLOCKS if is_grammar else None
        network = scratch_encoder(experiment.network, tokenizer, blocks, int(experiment.width))
    dataset = (grammar.grammar_dataset if is_grammar else sentences.sst2_dataset)(tokenizer)
    if weights:
        sentences.check_known(dataset.test_inputs, tokenizer, weights)
    return Recipe(
        dataset,
        network,
        origin=f"pretrained: {experiment.weights}" if weights else network.origin,
        trained=network.has_head,
        layers=network.blocks(),
        pool=network.pool,
        lengths=network.lengths(dataset.train_inputs),
    )
