"""The epoch loop of every training: interrupted at any moment, it resumes after the last finished epoch.

It knows nothing of what is trained; that is :mod:`lkutils.probes` and :mod:`lkutils.paper.training`.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lkutils.progress import progress
from lkutils.storage import seal, unseal

Learn = Callable[[Tensor, float, torch.Generator], Float[Tensor, "loss"]]


def run_epochs(
    learn: Learn,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    n_samples: int,
    epochs: int,
    batch_size: int,
    seed: int,
    checkpoint: Path | None,
    key: Mapping[str, object],
    losses_of: Sequence[str] = ("the network",),
    lengths: Int[Tensor, "sample"] | None = None,
) -> float:
    """Train ``module`` in place; returns the seconds it took, over all sessions.

    Epoch k draws everything random (its order of samples, what ``learn`` and the module draw) from ``seed`` + k, so an
    interrupted training ends the same. The random state of the caller stays as it is.

    Args:
        learn: adds the gradients of a batch, given the index of its samples, the share of all steps that is done, and
            the generator to draw from; returns the losses.
        checkpoint: written after every epoch, all or nothing; a call that finds it goes on from there. None: no file.
        key: all that the result depends on. A checkpoint with another key is refused.
        losses_of: what each loss belongs to, for the message that it is not finite.
        lengths: of the samples; where given, samples of similar length share a batch.

    Raises:
        ValueError: the checkpoint was made with another key, or is damaged; or no epochs or no batch size.
        FloatingPointError: a loss is no longer finite at the end of an epoch; the message names it.
    """
    if min(epochs, batch_size) < 1:
        raise ValueError(f"{epochs=} and {batch_size=}; expected at least 1 of each")
    key = {name: str(value) for name, value in key.items()}
    finished, seconds = resume(checkpoint, key, module, optimizer) if checkpoint else (0, 0.0)
    steps = math.ceil(n_samples / batch_size)
    for epoch in range(finished, epochs):
        start = time.perf_counter()
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            torch.manual_seed(seed + epoch)  # of what networks draw themselves
            generator = torch.Generator().manual_seed(seed + epoch)
            order = torch.randperm(n_samples, generator=generator)
            drawn = batches_of(order, batch_size, lengths)
            for step, batch in enumerate(progress(drawn, f"epoch {epoch + 1} of {epochs}"), start=epoch * steps):
                optimizer.zero_grad()
                losses = learn(batch, step / (epochs * steps), generator)
                optimizer.step()
        broken = [name for name, loss in zip(losses_of, losses.tolist(), strict=True) if not math.isfinite(loss)]
        if broken:
            raise FloatingPointError(
                f"the loss of {', '.join(broken)} is not finite after epoch {epoch + 1}; lower learning_rate="
                f"{key.get('learning_rate')}, or look for inputs that are not finite"
            )
        seconds += time.perf_counter() - start
        if checkpoint:
            save(checkpoint, key, module, optimizer, epoch + 1, seconds)
    return seconds


def save(
    checkpoint: Path,
    key: dict[str, str],
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    seconds: float,
) -> None:
    """Write the state after so many epochs, which took so many seconds, all or nothing."""
    state = {"module": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "seconds": seconds}
    write(state | {"key": key}, checkpoint)


def resume(
    checkpoint: Path, key: dict[str, str], module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Load an earlier state, if there is one; returns the number of finished epochs and the seconds they took.

    Raises:
        ValueError: the checkpoint was made with another key, whose differences the message names, or is damaged.
    """
    if not Path(checkpoint).exists():
        return 0, 0.0
    state = load(checkpoint)
    if state["key"] != key:
        raise ValueError(
            f"{checkpoint} was made with other settings ({differences(state['key'], key)}). Delete it to start anew."
        )
    module.load_state_dict(state["module"])
    optimizer.load_state_dict(state["optimizer"])
    return state["epoch"], state["seconds"]


def write(state: Mapping[str, object], checkpoint: Path) -> None:
    """Write a state sealed, all or nothing."""
    memory = io.BytesIO()
    torch.save(state, memory)
    seal(memory.getvalue(), Path(checkpoint))


def load(checkpoint: Path) -> dict:
    """What was written with its key.

    Raises:
        ValueError: the file is damaged, or no checkpoint of this version.
    """
    try:
        state = torch.load(io.BytesIO(unseal(Path(checkpoint))), map_location="cpu", weights_only=True)
        return {"key": state["key"], **state}
    except Exception as error:  # what a damaged file raises depends on where it is damaged
        raise ValueError(f"{checkpoint} is damaged, or of an earlier version. Delete it to start anew.") from error


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which entries of two keys differ, in words.

    Example:
        >>> differences({"epochs": "3", "seed": "0"}, {"epochs": "5", "seed": "0"})
        'epochs=3, now 5'
    """
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(f"{name}={before.get(name)}, now {now.get(name)}" for name in names)


def fingerprint(network: nn.Module) -> str:
    """The sha256 of a network's weights."""
    digest = hashlib.sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def identity(network: nn.Module) -> str:
    """The sha256 of a network's weights and of its modules, as they print themselves without memory addresses.

    Example:
        >>> layer = nn.Linear(1, 1)
        >>> identity(nn.Sequential(layer, nn.ReLU())) == identity(nn.Sequential(layer, nn.GELU()))
        False
    """
    modules = re.sub(r"0x[0-9a-f]+", "", repr(network))
    return hashlib.sha256(f"{fingerprint(network)} {modules}".encode()).hexdigest()


def batches_of(
    order: Int[Tensor, "sample"], batch_size: int, lengths: Int[Tensor, "sample"] | None = None
) -> tuple[Int[Tensor, "batch"], ...]:
    """Split a random order of samples into batches; where lengths are given, samples of similar length share one.

    Example:
        >>> batches_of(torch.tensor([3, 1, 0, 2]), 2, lengths=torch.tensor([9, 5, 9, 5]))
        (tensor([3, 1]), tensor([0, 2]))
    """
    if lengths is not None:
        order = torch.cat([part[lengths[part].argsort(stable=True)] for part in order.split(50 * batch_size)])
    return order.split(batch_size)
