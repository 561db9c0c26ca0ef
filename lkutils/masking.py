"""The table of a game: log-odds v^(l)(x_T) of every layer on all 2^n masked versions of an input.

Players are given as a map of the input: an integer for each input variable, the number of the player it belongs to or
-1 for background. A coalition T is an integer whose bit i says that player i is present. In the masked input x_T the
players outside T are at their baseline, all others and the background as they were (footnote 4).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from lkutils.devices import free_memory
from lkutils.progress import progress

# Masked inputs scored at once, where memory allows it: enough to keep the device busy, few enough to stay in the cache.
LARGEST_BATCH = {"cpu": 128, "cuda": 4096}

# Guess of a network's working memory, in copies of its input; a wrong one only costs a warning and a second try.
WORKING_COPIES = 64


def log_odds(logits: Float[Tensor, "*batch cls"], labels: Int[Tensor, "*#batch"]) -> Float[Tensor, "*batch"]:
    """Log-odds of the label, Eq. 5 without delta: log p(y)/(1 - p(y)), where p is the softmax of the logits z.

    Computed as -log sum over j != y of exp(z_j - z_y), which is exact also where p rounds to 0 or 1.

    Args:
        logits: of all classes, with any axes before them.
        labels: the class y; broadcast against those axes.

    Example:
        >>> log_odds(torch.tensor([[3.0, 0.0], [1e4, 0.0]]), torch.tensor([0, 1]))
        tensor([     3., -10000.])
    """
    label = labels.expand(logits.shape[:-1])[..., None]
    others = (logits - logits.gather(-1, label)).scatter(-1, label, -torch.inf)
    return -others.logsumexp(-1)


def mask_inputs(
    inputs: Shaped[Tensor, "#batch *shape"],
    baseline: Shaped[Tensor, "..."],
    players: Int[Tensor, "#batch ..."],
    coalitions: Int[Tensor, "batch"],
) -> Shaped[Tensor, "batch *shape"]:
    """The masked inputs x_T: where a variable's player is missing from the coalition, the baseline stands in.

    Args:
        inputs: one for each coalition, or a single one for all of them: images (batch, channel, y, x), tables
            (batch, feature), token ids (batch, position).
        baseline: b_i, of the shape of one input or broadcast to it (a mask token's id).
        players: the player of each input variable, -1 for background; its axes after the batch are the last ones of
            an input's, so (batch, y, x) masks all channels of a pixel together.
        coalitions: T as an integer; bit i says that player i is present.

    Example:
        >>> mask_inputs(torch.tensor([[5, 6, 7]]), torch.tensor(0), torch.tensor([[0, 1, -1]]), torch.arange(4))
        tensor([[0, 0, 7],
                [5, 0, 7],
                [0, 6, 7],
                [5, 6, 7]])
    """
    of_variable = players.reshape(len(players), *[1] * (inputs.ndim - players.ndim), *players.shape[1:])
    coalition = coalitions.reshape(-1, *[1] * (inputs.ndim - 1))
    present = (of_variable < 0) | (coalition >> of_variable.clamp(min=0) & 1).bool()
    return torch.where(present, inputs, baseline)


@torch.no_grad()
def coalition_values(
    score: Callable[[Tensor], Float[Tensor, "layer batch cls"]],
    inputs: Shaped[Tensor, "sample *shape"],
    labels: Int[Tensor, "sample"],
    players: Int[Tensor, "sample ..."],
    baseline: Shaped[Tensor, "..."],
    n_players: int,
    batch_size: int | None = None,
) -> Float[Tensor, "layer sample coalition"]:
    """Log-odds of the label (Eq. 5 without delta) on all 2^n masked versions of every sample, for every layer.

    Every masked input is built on the device of ``inputs`` and passes through the network once. A batch that does not
    fit in memory is halved, with a warning. Batches hold a power of two of masked inputs, so that they begin where a
    sample begins and samples may be computed together or one by one.

    Args:
        score: the network with its probes (:class:`lkutils.probes.ProbedNetwork`), or any function from a batch of
            inputs to logits (layer, batch, class), on the device of ``inputs``.
        inputs: the samples x, all players present.
        labels: their classes y.
        players: as in :func:`mask_inputs`.
        baseline: as in :func:`mask_inputs`.
        n_players: n; every sample has the players 0..n-1.
        batch_size: masked inputs scored at once; when None, as many as seems sensible.

    Returns:
        v^(l)(x_T) in log-odds, in the CPU's memory.

    Raises:
        ValueError: players and ``n_players`` do not match, an input or the baseline is not finite, or what ``score``
            returns has not the axes (layer, batch, class).
        MemoryError: the table does not fit; the message says what it would need.
        FloatingPointError: a layer's log-odds of a sample are not finite.

    Example:
        >>> x, players = torch.tensor([[2.0, 1.0]]), torch.tensor([[0, 1]])
        >>> coalition_values(lambda x: x[None], x, torch.tensor([0]), players, torch.tensor(0.5), 2)
        tensor([[[ 0.0000,  1.5000, -0.5000,  1.0000]]])
    """
    check_players(players, n_players)
    check_finite(inputs, baseline)
    if inputs.ndim == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)  # convolutions are faster, most of all on CPUs
    n_rows = len(inputs) << n_players
    check_memory(1, n_rows, inputs.device)
    batch_size = power_of_two_up_to(min(batch_size or sensible_batch_size(inputs), n_rows))
    values, start = None, 0
    # TensorFloat-32, the default for convolutions, keeps ten bits: too few for alternating sums of 2^n log-odds.
    with (
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        progress(description="masked inputs", total=n_rows) as bar,
    ):
        while start < n_rows:
            row = torch.arange(start, min(start + batch_size, n_rows), device=inputs.device)
            sample, coalition = row >> n_players, row & (1 << n_players) - 1
            try:
                logits = score(mask_inputs(inputs[sample], baseline, players[sample], coalition))
            except (MemoryError, RuntimeError) as error:
                if batch_size == 1 or not is_out_of_memory(error):
                    raise
                batch_size //= 2
                warnings.warn(f"out of memory; going on with batches of {batch_size} masked inputs", stacklevel=2)
                continue
            if values is None:
                check_logits(logits, len(row))
                check_memory(len(logits), n_rows, inputs.device)
                values = torch.empty(len(logits), n_rows, device=inputs.device)
            values[:, start : start + len(row)] = log_odds(logits, labels[sample])
            start += len(row)
            bar.update(len(row))
    table = values.reshape(len(values), len(inputs), -1).cpu()
    check_values(table)
    return table


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


def check_players(players: Int[Tensor, "sample ..."], n_players: int) -> None:
    """Every sample must have exactly the players 0..n-1, and background."""
    if players.min() < -1 or players.max() >= n_players:
        raise ValueError(
            f"players are numbered {players.min()} to {players.max()}, but n_players={n_players} allows 0 to "
            f"{n_players - 1}, and -1 for background"
        )
    has_variables = torch.zeros(len(players), n_players + 1, dtype=torch.bool, device=players.device)
    has_variables.scatter_(1, players.flatten(1).long() + 1, True)
    raise_where(~has_variables[:, 1:], ValueError, "sample {} has no input variable of player {}; lower n_players")


def check_memory(n_layers: int, n_rows: int, device: torch.device) -> None:
    """The values of all masked inputs must fit in memory."""
    needed, free = 4 * n_layers * n_rows, free_memory(device)
    if needed > free:
        raise MemoryError(
            f"the values of {n_layers} layers on {n_rows:,} masked inputs need {needed:,} bytes, but {free:,} are "
            "free; take fewer players (each one doubles the need) or fewer samples at a time"
        )


def check_logits(logits: Shaped[Tensor, "..."], n_inputs: int) -> None:
    """What ``score`` returns must have the axes (layer, batch, class)."""
    if logits.ndim != 3 or logits.shape[1] != n_inputs:
        raise ValueError(
            f"score returned a tensor of shape {tuple(logits.shape)} for {n_inputs} inputs, not (layer, batch, class); "
            "of a network alone, score is lambda x: network(x)[None]"
        )


def check_finite(inputs: Shaped[Tensor, "sample *shape"], baseline: Shaped[Tensor, "..."]) -> None:
    """Neither the samples nor the baseline may hold NaN or infinity."""
    raise_where(~inputs.flatten(1).isfinite(), ValueError, "sample {} is not finite, first at its variable {}")
    raise_where(~baseline.reshape(1, -1).isfinite(), ValueError, "the baseline is not finite, first at variable {1}")


def check_values(values: Float[Tensor, "layer sample coalition"]) -> None:
    """Log-odds are finite, unless a network or a probe is broken."""
    message = "the log-odds of layer {} (counted from 0), sample {}, coalition {} are not finite; look at its logits"
    raise_where(~values.isfinite(), FloatingPointError, message)


def raise_where(wrong: Bool[Tensor, "..."], kind: type[Exception], message: str) -> None:
    """Raise an error that names the first place where something is wrong, if there is one."""
    if wrong.any():
        raise kind(message.format(*wrong.nonzero()[0].tolist()))
