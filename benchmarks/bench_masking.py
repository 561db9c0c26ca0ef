"""Masking against the bare network: ResNet-20 on 32x32 pixels, all 2^12 masked versions of one image.

What is compared runs in turns in one process, and ratios are taken turn by turn, so that a machine that is busy now and
then spoils single turns and not the medians.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.memory import peak_memory
from lkutils.devices import default_device
from lkutils.masking import LARGEST_BATCH, coalition_values
from lkutils.paper import paths
from lkutils.paper.networks import build_network, load_weights, probed_layers
from lkutils.players import patches_at_random
from lkutils.probes import ProbedNetwork

TURNS = 7
N_PLAYERS = 12
SHAPE = (3, 32, 32)
WEIGHTS = "weights/resnet20-12fca82f.th"


def main() -> list[dict[str, str]]:
    """Measure; returns the rows of a table: what was measured, its median, and what is wanted of it."""
    device = default_device()
    network, weights = resnet20()
    bare, probed = with_probes(network, 0, device), with_probes(network, 9, device)
    batch_size = LARGEST_BATCH[device.type]
    images = torch.randn(2**N_PLAYERS, *SHAPE, device=device).contiguous(memory_format=torch.channels_last)

    turns = [
        (
            seconds(lambda: forward(network, images, batch_size), device),
            seconds(lambda: masked(bare, N_PLAYERS, batch_size, device), device),
            seconds(lambda: masked(probed, N_PLAYERS, batch_size, device), device),
        )
        for _ in range(TURNS + 1)
    ][1:]  # the first turn warms up
    speed = statistics.median(len(images) / network_alone for network_alone, _, _ in turns)
    masking = statistics.median(one / network_alone for network_alone, one, _ in turns)
    probing = statistics.median(all_ / one for _, one, all_ in turns)
    share = speed * flops(network, images[:1]) / peak_flops(device)
    rows = [
        row(f"ResNet-20 ({weights}), images per second", f"{speed:,.0f}"),
        row("... its share of the speed of a large matrix product in float32", f"{share:.0%}"),
        row(
            f"masking and scoring {len(images):,} inputs / the network alone on as many",
            f"{masking:.3f}",
            "at most 1.10",
        ),
        row("... with the probes of all 9 blocks / without", f"{probing:.3f}", "at most 1.25"),
    ]
    for n_players, size, n_probes in ((8, 128, 9), (12, 128, 9), (12, 128, 3), (12, 512, 9)):
        what = f"memory on top, n = {n_players}, batches of {size}, {n_probes} probes"
        rows.append(row(what, f"{extra_memory(n_players, size, n_probes, device) / 2**20:.0f} MiB"))
    return rows


def row(what: str, median: str, wanted: str = "") -> dict[str, str]:
    """One row of the table."""
    return {"what": what, "median": median, "wanted": wanted}


def resnet20() -> tuple[nn.Module, str]:
    """ResNet-20 with the public weights where the data folder has them, else with random ones; and which they are."""
    network = build_network("resnet20", SHAPE, 10).eval()
    if not (paths.data_dir() / WEIGHTS).exists():
        return network, "random weights"
    load_weights(network, paths.data_dir() / WEIGHTS)
    return network, "public weights"


def with_probes(network: nn.Module, n_probes: int, device: torch.device) -> ProbedNetwork:
    """The network with probes on its first blocks."""
    layers = dict(list(probed_layers(network).items())[:n_probes])
    return ProbedNetwork(network, layers, torch.zeros(1, *SHAPE), n_classes=10).to(device)


@torch.no_grad()
def forward(network: nn.Module, images: Tensor, batch_size: int) -> None:
    """The bare network, on inputs that are there already."""
    for batch in images.split(batch_size):
        network(batch)


def masked(probed: ProbedNetwork, n_players: int, batch_size: int, device: torch.device) -> None:
    """All coalitions of one image."""
    image = torch.randn(1, *SHAPE, device=device)
    players = patches_at_random(1, 32, 4, n_players, 1, seed=0).to(device)
    label, baseline = torch.zeros(1, dtype=torch.int64, device=device), torch.zeros(SHAPE, device=device)
    coalition_values(probed, image, label, players, baseline, n_players, batch_size)


def seconds(run: Callable[[], None], device: torch.device) -> float:
    """How long a run takes, the device's work included."""
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def flops(network: nn.Module, image: Tensor) -> int:
    """Floating-point operations of one forward pass."""
    with FlopCounterMode(display=False) as counter:
        network(image)
    return counter.get_total_flops()


def peak_flops(device: torch.device, size: int = 2048) -> float:
    """Floating-point operations per second of a large matrix product in float32."""
    matrix = torch.randn(size, size, device=device)
    return 2 * size**3 / statistics.median(seconds(lambda: matrix @ matrix, device) for _ in range(9))


def extra_memory(n_players: int, batch_size: int, n_probes: int, device: torch.device) -> int:
    """Bytes that masking one image takes at its peak, on top of the network; the median of three fresh processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        measured = [pool.submit(peak_of_masking, n_players, batch_size, n_probes, device.type) for _ in range(3)]
        return statistics.median(one.result() for one in measured)


def peak_of_masking(n_players: int, batch_size: int, n_probes: int, device_type: str) -> int:
    """What :func:`extra_memory` does inside its process; a first small run pays for what is loaded only once."""
    device = torch.device(device_type)
    probed = with_probes(resnet20()[0], n_probes, device)
    masked(probed, 4, 16, device)
    before = peak_memory(device)
    masked(probed, n_players, batch_size, device)
    return peak_memory(device) - before


if __name__ == "__main__":
    for line in main():
        print(f"{line['what']:<75}{line['median']:>12}  {line['wanted']}")
