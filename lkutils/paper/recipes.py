"""What an experiment is made of: its data set, its network and the layers that are probed."""

from __future__ import annotations

import io
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lkutils.paper import networks
from lkutils.paper.datasets import Dataset, load_dataset
from lkutils.paper.experiments import Experiment
from lkutils.paper.files import read_file
from lkutils.paper.transformers import BLOCKS, TextClassifier, pretrained_encoder, scratch_encoder

GRAMMAR_BLOCKS = 2  # transformer blocks, which is enough for a small grammar


def dataset_of(experiment: Experiment) -> Dataset:
    """The experiment's data set, as its network takes it.

    Raises:
        ValueError: unknown data set.
        OSError: a file of it is missing and cannot be downloaded.
    """
    if experiment.network in BLOCKS:
        return sentences_of(experiment)
    return load_dataset(experiment.dataset)


def sentences_of(experiment: Experiment) -> Dataset:
    """A data set of sentences, as the tokenizer of the experiment's network cuts them."""
    from lkutils.paper import grammar, sentences

    make = grammar.grammar_dataset if experiment.dataset == "grammar" else sentences.sst2_dataset
    return make(tokenizer_for(experiment))


def tokenizer_for(experiment: Experiment):
    """The tokenizer of the experiment's network."""
    from lkutils.paper import grammar, sentences

    if experiment.dataset == "grammar" and not experiment.weights:
        return grammar.grammar_tokenizer()
    return sentences.tokenizer_of(experiment.network, experiment.weights)


def network_of(experiment: Experiment, dataset: Dataset) -> nn.Module:
    """The experiment's network as it is before training, or with its public weights."""
    torch.manual_seed(experiment.training.seed if experiment.training else 0)
    if experiment.network in BLOCKS:
        return transformer_of(experiment)
    network = networks.build_network(experiment.network, dataset.input_shape, dataset.n_classes, experiment.width)
    if experiment.weights:
        networks.load_weights(network, io.BytesIO(read_file(experiment.weights)))
    return network


def transformer_of(experiment: Experiment) -> TextClassifier:
    """A transformer from scratch, or with pretrained weights where the experiment names some.

    Raises:
        ValueError: the pretrained weights are of another architecture.
    """
    tokenizer = tokenizer_for(experiment)
    if not experiment.weights:
        blocks = GRAMMAR_BLOCKS if experiment.dataset == "grammar" else None
        return scratch_encoder(experiment.network, tokenizer, blocks, int(experiment.width))
    network = pretrained_encoder(experiment.weights, tokenizer)
    if network.architecture != experiment.network:
        raise ValueError(f"{experiment.weights} is of the kind {network.architecture}, not {experiment.network}")
    return network


def layers_of(network: nn.Module) -> tuple[dict[str, str], Callable[[Tensor], Tensor] | None]:
    """The probed layers of a network, and what makes a feature of a layer's output (None: the whole output is one)."""
    if isinstance(network, TextClassifier):
        return network.blocks(), network.pool
    return networks.probed_layers(network), None


def lengths_of(network: nn.Module, inputs: Tensor) -> Tensor | None:
    """Lengths of the sentences, so that those of similar length can share a batch; None of what has no length."""
    return network.lengths(inputs) if isinstance(network, TextClassifier) else None
