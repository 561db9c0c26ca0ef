"""DistilBERT, BERT and XLNet as classifiers of sentences: pretrained, or the same architectures from scratch.

Both are Hugging Face's own models inside a :class:`TextClassifier`, which takes token ids and nothing else. Which of
the two a network is, is one parameter, and ``origin`` says it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

# Transformer blocks of the paper's networks, and the width of their hidden states.
WIDTH = 768
BLOCKS = {"distilbert": 6, "bert": 12, "xlnet": 12}


def scratch_encoder(name: str, tokenizer, blocks: int | None = None, width: int = 128) -> TextClassifier:
    """One of the paper's architectures with random weights, for two classes.

    Args:
        name: "distilbert", "bert" or "xlnet".
        tokenizer: what its inputs are made with (:func:`lkutils.paper.sentences.tokenizer_of`).
        blocks: number of transformer blocks; when None, as many as the paper's network has.
        width: of the hidden states, a multiple of 32; there is one attention head for every 32.

    Raises:
        ValueError: unknown name or unsuitable width.

    Example:
        >>> from lkutils.paper.grammar import grammar_tokenizer
        >>> from lkutils.paper.sentences import token_ids
        >>> tokenizer = grammar_tokenizer()
        >>> network = scratch_encoder("bert", tokenizer, blocks=2, width=32)
        >>> network(token_ids([["not", "bad"], ["good"]], tokenizer)).shape
        torch.Size([2, 2])
    """
    from transformers import (  # takes seconds to import, and only sentences need it
        AutoModelForSequenceClassification,
        BertConfig,
        DistilBertConfig,
        XLNetConfig,
    )

    if name not in BLOCKS:
        raise ValueError(f"unknown network {name!r}; known are {', '.join(BLOCKS)}")
    if width % 32:
        raise ValueError(f"width={width} is not a multiple of 32, the width of an attention head")
    blocks, heads = blocks or BLOCKS[name], width // 32
    # The originals draw their weights with deviation 0.02. Narrower ones need larger weights to pass on as much.
    deviation = 0.02 * (WIDTH / width) ** 0.5
    common = {"vocab_size": len(tokenizer), "num_labels": 2, "initializer_range": deviation}
    match name:
        case "distilbert":
            config = DistilBertConfig(dim=width, n_layers=blocks, n_heads=heads, hidden_dim=4 * width, **common)
        case "bert":
            config = BertConfig(
                hidden_size=width,
                num_hidden_layers=blocks,
                num_attention_heads=heads,
                intermediate_size=4 * width,
                **common,
            )
        case "xlnet":
            config = XLNetConfig(d_model=width, n_layer=blocks, n_head=heads, d_inner=4 * width, mem_len=None, **common)
    network = TextClassifier(AutoModelForSequenceClassification.from_config(config), tokenizer)
    network.origin = f"from scratch: {blocks} blocks of width {width}"
    return network


def pretrained_encoder(weights: str, tokenizer, architecture: str) -> TextClassifier:
    """A pretrained classifier of two classes, or a pretrained encoder with a new head that is still to be trained.

    Args:
        weights: a model's name on the Hugging Face hub, or the folder of one. Only safetensors files are read, and no
            code that comes with them is run.
        tokenizer: what its inputs are made with (:func:`lkutils.paper.sentences.tokenizer_of`).
        architecture: what it has to be, "bert" for example.

    Raises:
        OSError: there is no such model, or none in safetensors format.
        ValueError: it is of another architecture or asks for code from elsewhere, its weights are damaged or elsewhere,
            weights of its encoder are missing, it has another number of classes, their names say that class 0 is the
            positive one, or the tokenizer has more tokens than it.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForSequenceClassification  # takes seconds, and only sentences need it

    check_shards(Path(weights))
    config = AutoConfig.from_pretrained(weights, trust_remote_code=False)
    if config.model_type != architecture:
        raise ValueError(f"{weights} is of the kind {config.model_type}, not {architecture}")
    if config._attn_implementation not in (None, "eager", "sdpa"):  # others may be kernels that are fetched and run
        raise ValueError(
            f"{weights} asks for the attention {config._attn_implementation!r}, but no code that comes from elsewhere "
            "is run: remove attn_implementation from its config.json"
        )
    if len(tokenizer) > config.vocab_size:
        raise ValueError(
            f"the tokenizer of {weights} has {len(tokenizer)} tokens, but its weights only {config.vocab_size}: they "
            "do not belong together"
        )
    try:
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            weights,
            num_labels=2,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,  # some are stored in half precision, too little for alternating sums of 2^n log-odds
            output_loading_info=True,
        )
    except RuntimeError as error:
        raise ValueError(f"the weights of {weights} do not fit a classifier of two classes: {error}") from error
    except SafetensorError as error:
        raise ValueError(f"the weights of {weights} are damaged ({error}): fetch or save them again") from error
    network = TextClassifier(model, tokenizer)
    network.has_head = not loading["missing_keys"]
    network.origin = f"pretrained: {weights}"
    check_encoder(model, loading, weights)
    if network.has_head:
        check_classes(config, weights)
    return network


def check_shards(folder: Path) -> None:
    """Where weights are in several files, their index may name nothing but safetensors files beside it.

    Raises:
        ValueError: it leads elsewhere, to a file of another format, or is no index.
    """
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        named = set(json.loads(index.read_bytes())["weight_map"].values())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{index} is no index of weights: fetch or save them again") from error
    wrong = [name for name in named if not re.fullmatch(r"[\w.-]+\.safetensors", str(name)) or ".." in name]
    if wrong:
        raise ValueError(f"{index} names {wrong[0]!r}, but only safetensors files beside it are read")


def check_encoder(model: nn.Module, loading: dict[str, set], weights: str) -> None:
    """All weights of the encoder must have been found; only what follows it, pooler and head, may be new.

    Raises:
        ValueError: some are missing; the message names one, and one that was found in its place.
    """
    prefix = f"{model.base_model_prefix}."
    missing = sorted(
        key for key in loading["missing_keys"] if key.startswith(prefix) and not key.startswith(f"{prefix}pooler.")
    )
    if missing:
        unknown = sorted(loading["unexpected_keys"])
        instead = f"; it has {unknown[0]} and {len(unknown) - 1} more that the network does not know" if unknown else ""
        raise ValueError(
            f"{weights} lacks {len(missing)} weights of the encoder, such as {missing[0]}{instead}. Save the model "
            "with save_pretrained, or rename its weights"
        )


def check_classes(config, weights: str) -> None:
    """Class 1 must be the positive one, as in SST-2; names that say nothing ("LABEL_0") are left to the accuracy.

    Raises:
        ValueError: the names of the classes say that it is the negative one, or there are not two of them.
    """
    names = [str(name) for _, name in sorted(config.id2label.items())]
    if len(names) != 2:
        raise ValueError(f"{weights} has the {len(names)} classes {', '.join(names)}, not negative and positive")
    if names[0].lower().startswith("pos") or names[1].lower().startswith("neg"):
        raise ValueError(
            f"{weights} calls class 0 {names[0]!r} and class 1 {names[1]!r}, but in the data set 0 is negative and 1 "
            "is positive: swap the two rows of its last layer, and id2label"
        )


class TextClassifier(nn.Module):
    """A Hugging Face classifier as a network of one tensor, padded token ids; all else it needs is derived from them.

    Attributes:
        architecture: its kind, "bert" for example.
        origin: where the weights come from, in words.
        has_head: whether the classification head is pretrained, too, so that nothing needs training.

    Example:
        >>> from transformers import BertConfig, BertForSequenceClassification
        >>> from lkutils.paper.grammar import grammar_tokenizer
        >>> config = BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=1)
        >>> network = TextClassifier(BertForSequenceClassification(config), grammar_tokenizer())
        >>> list(network.blocks().items())
        [('block1', 'model.bert.encoder.layer.0'), ('block2', 'model.bert.encoder.layer.1')]
    """

    origin = "given"
    has_head = False

    def __init__(self, model: nn.Module, tokenizer) -> None:
        """Wrap a model for sequence classification and the tokenizer its inputs are made with."""
        super().__init__()
        self.model = model
        self.pad, self.mask, self.cls = tokenizer.pad_token_id, tokenizer.mask_token_id, tokenizer.cls_token_id
        self.register_buffer("special", torch.tensor(tokenizer.all_special_ids), persistent=False)
        self.architecture = model.config.model_type

    def forward(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch cls"]:
        """Logits of the classes. Positions that are padding in the whole batch are left out: they change nothing."""
        ids = ids[:, (ids != self.pad).any(dim=0)]
        attention = (ids != self.pad).long()
        if self.architecture != "xlnet":
            return self.model(input_ids=ids, attention_mask=attention).logits
        # XLNet tells its summary token and padding from words by segment (2 and 3); it looks at attention only.
        segments = torch.where(ids == self.cls, 2, 3 * (1 - attention))
        # Without use_mems=False it would keep the hidden states of all blocks, for a text that goes on.
        return self.model(input_ids=ids, attention_mask=attention, token_type_ids=segments, use_mems=False).logits

    def mask_words(
        self, ids: Int[Tensor, "batch token"], rate: float, generator: torch.Generator
    ) -> Int[Tensor, "batch token"]:
        """Sentences in which a share of the words' tokens, drawn at random, is replaced by the mask token."""
        drawn = torch.rand(ids.shape, generator=generator).to(ids.device) < rate
        return ids.masked_fill(drawn & ~torch.isin(ids, self.special), self.mask)

    def lengths(self, ids: Int[Tensor, "sample token"]) -> Int[Tensor, "sample"]:
        """Number of tokens of each sentence, without padding."""
        return (ids != self.pad).sum(dim=1)

    def blocks(self) -> dict[str, str]:
        """Names and paths of the transformer blocks, whose outputs are probed."""
        path, layers = next(
            (path, module) for path, module in self.named_modules() if isinstance(module, nn.ModuleList)
        )
        return {f"block{k + 1}": f"{path}.{k}" for k in range(len(layers))}

    def pool(self, hidden: Float[Tensor, "..."]) -> Float[Tensor, "batch width"]:
        """What the network's own head reads of a block's output: the first token, or the last one (XLNet).

        XLNet's blocks put the position before the batch: (position, batch, width).
        """
        return hidden[-1] if self.architecture == "xlnet" else hidden[:, 0]
