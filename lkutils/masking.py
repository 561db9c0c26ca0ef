"""The table of a game: log-odds v^(l)(x_T) of every layer on all 2^n masked versions of an input.

Players are given as a map of the input: an integer for each input variable, the number of the player it belongs to or
-1 for background. A coalition T is an integer whose bit i says that player i is present. In the masked input x_T the
players outside T are at their baseline, all others and the background as they were (footnote 4).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from lkutils.arguments import (
    Arguments,
    ArrayLike,
    as_baseline,
    as_players,
    as_tensor,
    as_whole,
    check_arguments,
    check_labels,
    raise_where,
)
from lkutils.devices import free_memory
from lkutils.players import Players
from lkutils.progress import progress
from lkutils.scores import check_logits, find_probabilities, warn_of_training

# Masked inputs scored at once, where memory allows it: enough to keep the device busy, few enough to stay in the cache.
LARGEST_BATCH = {"cpu": 128, "cuda": 4096}

# Guess of a network's working memory, in copies of its input; a wrong one only costs a warning and a second try.
WORKING_COPIES = 64


def log_odds(logits: Shaped[Tensor, "*batch cls"], labels: Int[Tensor, "*#batch"]) -> Float[Tensor, "*batch"]:
    """Log-odds of the label, Eq. 5 without delta: log p(y)/(1 - p(y)), where p is the softmax of the logits z.

    Computed as -log sum over j != y of exp(z_j - z_y), which is exact also where p rounds to 0 or 1. Half precision is
    widened first: its differences would be rounded to three digits, or overflow.

    Args:
        logits: of all classes, with any axes before them. A single logit z is that of class 1 against class 0, whose
            log-odds are z and -z.
        labels: the class y; broadcast against those axes.

    Raises:
        TypeError: complex logits.

    Example:
        >>> log_odds(torch.tensor([[3.0, 0.0], [900.0, 0.0]]), torch.tensor([0, 1]))
        tensor([   3., -900.])
        >>> log_odds(torch.tensor([[3.0], [3.0]]), torch.tensor([0, 1]))
        tensor([-3.,  3.])
    """
    logits = widened(logits)
    label = labels.expand(logits.shape[:-1])[..., None]
    if logits.shape[-1] == 1:
        return torch.where(label == 1, logits, -logits)[..., 0]
    others = (logits - logits.gather(-1, label)).scatter(-1, label, -torch.inf)
    return -others.logsumexp(-1)


def widened(outputs: Shaped[Tensor, "..."]) -> Float[Tensor, "..."]:
    """What a network says, in single precision at least: what is computed from it is not to be rounded once more.

    Raises:
        TypeError: complex numbers, which have no log-odds.

    Example:
        >>> widened(torch.ones(2, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    if outputs.is_complex():
        raise TypeError(f"outputs are {outputs.dtype}, but what is explained are real numbers: their real part or size")
    return outputs if outputs.dtype in (torch.float32, torch.float64) else outputs.float()


def mask_inputs(
    inputs: Shaped[Tensor, "#batch *shape"] | ArrayLike,
    baseline: Shaped[Tensor, "..."] | ArrayLike,
    players: Int[Tensor, "#batch ..."] | ArrayLike | Players,
    coalitions: Int[Tensor, "batch"] | ArrayLike,
) -> Shaped[Tensor, "batch *shape"]:
    """The masked inputs x_T: where a variable's player is missing from the coalition, the baseline stands in.

    Args:
        inputs: one for each coalition, or a single one for all of them: images (batch, channel, y, x), tables
            (batch, feature), token ids (batch, position).
        baseline: as in :func:`coalition_values`.
        players: as in :func:`coalition_values`.
        coalitions: T as an integer; bit i says that player i is present.

    Returns:
        A new tensor of the type of ``inputs``.

    Raises:
        ValueError: as :func:`coalition_values`.

    Example:
        >>> mask_inputs(torch.tensor([[5, 6, 7]]), 0, [0, 1, -1], range(4))
        tensor([[0, 0, 7],
                [5, 0, 7],
                [0, 6, 7],
                [5, 6, 7]])
    """
    inputs = as_tensor("inputs", inputs)
    coalitions = as_whole("coalitions", coalitions, inputs)
    if coalitions.ndim != 1 or inputs.ndim < 2 or len(inputs) not in (1, len(coalitions)):
        raise ValueError(
            f"inputs of shape {tuple(inputs.shape)} and coalitions of shape {tuple(coalitions.shape)}: give a row of "
            "variables for each coalition, or a single row for all of them"
        )
    inputs = inputs.expand(len(coalitions), *inputs.shape[1:])
    return masked(inputs, as_baseline(baseline, inputs), as_players(players, inputs), coalitions)


def masked(
    inputs: Shaped[Tensor, "batch *shape"],
    baseline: Shaped[Tensor, "#batch ..."],
    players: Int[Tensor, "batch ..."],
    coalitions: Int[Tensor, "batch"],
) -> Shaped[Tensor, "batch *shape"]:
    """What :func:`mask_inputs` returns, for arguments that were checked."""
    of_variable = players.reshape(len(players), *[1] * (inputs.ndim - players.ndim), *players.shape[1:])
    coalition = coalitions.reshape(-1, *[1] * (inputs.ndim - 1))
    present = (of_variable < 0) | (coalition >> of_variable.clamp(min=0) & 1).bool()
    return torch.where(present, inputs, baseline)


@torch.no_grad()
def coalition_values(
    score: Callable[[Tensor], Float[Tensor, "layer batch cls"]],
    inputs: Shaped[Tensor, "sample *shape"] | ArrayLike | Mapping[str, ArrayLike],
    labels: Int[Tensor, "sample"] | ArrayLike,
    players: Int[Tensor, "sample ..."] | ArrayLike | Players,
    baseline: Shaped[Tensor, "..."] | ArrayLike,
    n_players: int,
    batch_size: int | None = None,
    *,
    of: Callable[[Tensor, Tensor], Tensor] = log_odds,
) -> Float[Tensor, "layer sample coalition"]:
    """Log-odds of the label (Eq. 5 without delta) on all 2^n masked versions of every sample, for every layer.

    Every masked input is built on the device of ``inputs`` and passes through the network once. A batch that does not
    fit in memory is halved, with a warning. Batches hold a power of two of masked inputs, so that they begin where a
    sample begins and samples may be computed together or one by one. All arguments but ``score`` may be tensors, numpy
    arrays, lists or numbers, and are left as they are.

    Args:
        score: the network with its probes (:class:`lkutils.probes.ProbedNetwork`), or any function from a batch of
            inputs to logits (layer, batch, class), on the device of ``inputs``.
        inputs: the samples x, all players present: images (sample, channel, y, x), tables (sample, feature), token ids
            (sample, position), or a tokenizer's output: there the token ids are masked, and ``score`` gets them in a
            dict with the sample's attention mask.
        labels: their classes y, or one class for all of them.
        players: the player of each input variable, -1 for background. Its last axes are an input's, without the first
            one where (sample, y, x) is to mask all channels of a pixel together; without the axis of samples it is one
            map for all of them.
        baseline: b_i as a number (a mask token's id), one number for each channel, in the shape of one input, or of
            all of them with another baseline for each sample.
        n_players: n; every sample has the players 0..n-1.
        batch_size: masked inputs scored at once; when None, as many as seems sensible.
        of: from logits (layer, batch, class) and labels (batch,) to values (layer, batch), when something else than
            the log-odds is explained.

    Returns:
        v^(l)(x_T) in log-odds, float32, in the CPU's memory.

    Raises:
        TypeError: an argument is not made of numbers, or ``score`` returns something else than a tensor.
        ValueError: arguments do not fit together, an input or the baseline is not finite, a label is no class, or what
            ``score`` returns has not the axes (layer, batch, class).
        MemoryError: the table does not fit; the message says what it would need.
        FloatingPointError: a layer's values of a sample are not finite.

    Warns:
        UserWarning: outputs that are probabilities, of which the logarithm is taken; a network in training mode;
            memory that ran out.

    Example:
        >>> coalition_values(lambda x: x[None], torch.tensor([[2.0, 1.0]]), [0], [0, 1], [0.5, 0.0], n_players=2)
        tensor([[[ 0.5000,  2.0000, -0.5000,  1.0000]]])
    """
    game = check_arguments(inputs, labels, players, baseline, n_players)
    check_batch_size(batch_size)
    warn_of_training(score)
    device, n_rows = game.inputs.device, len(game.inputs) << n_players
    check_memory(1, n_rows, device)
    batch_size = power_of_two_up_to(min(batch_size or sensible_batch_size(game.inputs), n_rows))
    values, start = None, 0
    # TensorFloat-32, the default for convolutions, keeps ten bits: too few for alternating sums of 2^n log-odds.
    with (
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        progress(description="masked inputs", total=n_rows) as bar,
    ):
        while start < n_rows:
            row = torch.arange(start, min(start + batch_size, n_rows), device=device)
            sample, coalition = row >> n_players, row & (1 << n_players) - 1
            try:
                logits = score(masked_batch(game, sample, coalition))
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if batch_size == 1:
                    raise MemoryError(
                        f"a single masked input of shape {tuple(game.inputs.shape[1:])} does not fit in the memory of "
                        f"{device}: free some, take another device or a smaller network ({error})"
                    ) from error
                batch_size //= 2
                warnings.warn(f"out of memory; going on with batches of {batch_size} masked inputs", stacklevel=2)
                continue
            if values is None:
                check_logits(logits, len(row))
                probabilities = find_probabilities(logits) if of is log_odds else None
                if of is log_odds or logits.shape[-1] > 1:
                    check_labels(game.labels, logits.shape[-1])
                check_memory(len(logits), n_rows, device)
                values = torch.empty(len(logits), n_rows, dtype=torch.float32, device=device)
            if probabilities is not None:
                logits = torch.where(probabilities, widened(logits).log(), logits)
            values[:, start : start + len(row)] = widened(of(logits, game.labels[sample]))
            start += len(row)
            bar.update(len(row))
    table = values.reshape(len(values), len(game.inputs), -1).cpu()
    check_values(table)
    return table


def masked_batch(
    game: Arguments, sample: Int[Tensor, "batch"], coalition: Int[Tensor, "batch"]
) -> Shaped[Tensor, "batch *shape"] | dict[str, Tensor]:
    """Masked inputs as a network takes them: a new tensor, or a dict where the game's inputs are one."""
    baseline = game.baseline if len(game.baseline) == 1 else game.baseline[sample]
    x = masked(game.inputs[sample], baseline, game.players[sample], coalition)
    return {game.key: x} | {name: other[sample] for name, other in game.others.items()} if game.key else x


# ---- memory ---------------------------------------------------------------------------------------------------------


def sensible_batch_size(inputs: Shaped[Tensor, "sample *shape"]) -> int:
    """How many inputs to score at once, going by the memory that is free and the size of an input."""
    bytes_each = WORKING_COPIES * inputs[0].numel() * inputs.element_size()
    return max(1, min(LARGEST_BATCH.get(inputs.device.type, 128), free_memory(inputs.device) // bytes_each))


def power_of_two_up_to(size: int) -> int:
    """The largest power of two that is no larger than ``size``."""
    return 1 << size.bit_length() - 1


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out: on a CPU, and inside CUDA's libraries, it is a plain RuntimeError."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "alloc" in str(error).lower()


# ---- checks ---------------------------------------------------------------------------------------------------------


def check_batch_size(batch_size: int | None) -> None:
    """A whole number of one or more, or None."""
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ValueError(f"batch_size={batch_size!r}: a whole number of 1 or more, or None, was expected")


def check_memory(n_layers: int, n_rows: int, device: torch.device) -> None:
    """The values of all masked inputs must fit in memory."""
    needed, free = 4 * n_layers * n_rows, free_memory(device)
    if needed > free:
        raise MemoryError(
            f"the values of {n_layers} layers on {n_rows:,} masked inputs need {needed:,} bytes, but {free:,} are "
            "free; take fewer players (each one doubles the need) or fewer samples at a time"
        )


def check_values(values: Float[Tensor, "layer sample coalition"]) -> None:
    """Values are finite, unless a network or a probe is broken."""
    message = "the values of layer {} (counted from 0), sample {}, coalition {} are not finite; look at its logits"
    raise_where(~values.isfinite(), FloatingPointError, message)
