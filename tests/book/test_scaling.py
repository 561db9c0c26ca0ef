"""The page on many machines: its arithmetic is that of the code, and the code's rates are those that were measured."""

import json
import re

import pytest
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from lkutils.book.markdown import table
from lkutils.paper import paths, scaling
from lkutils.paper.experiments import EXPERIMENTS, game_path
from lkutils.paper.scaling import IMAGENET
from lkutils.storage import load

PAGE = (paths.BOOK / "scaling.md").read_text()
RESULTS = json.loads(paths.MEASURED.read_text())["tables"]


def test_the_table_of_hours_is_that_of_the_code():
    flattened, averaged = (scaling.gpu_hours(IMAGENET, part) for part in (IMAGENET.features, IMAGENET.pooled))
    rows = [[step, f"{flattened[step]:,.0f}", f"{averaged[step]:,.0f}"] for step in flattened]
    rows += [["all", f"{sum(flattened.values()):,.0f}", f"{sum(averaged.values()):,.0f}"]]
    assert table(["GPU hours", "Probes on flattened features", "on averaged features"], rows).data in PAGE
    assert f"{scaling.problems(IMAGENET):,} decompositions" in PAGE
    assert f"{scaling.extraction_hours(IMAGENET):,.0f} hours of a machine with two cores" in PAGE
    runs = IMAGENET.networks * IMAGENET.seeds
    assert f"{runs * scaling.masked_inputs(IMAGENET) / 1e9:.2f} billion masked inputs" in PAGE


def test_the_table_of_bytes_is_that_of_the_code():
    runs = IMAGENET.networks * IMAGENET.seeds
    rows = [[what, f"{size:,.2f}", f"{runs * size / 1000:,.2f}"] for what, size in scaling.gigabytes(IMAGENET).items()]
    assert table(["What", "GB, one network", "TB, all hundred"], rows).data in PAGE


def test_what_was_measured_is_what_the_code_starts_from():
    over_players = {row["players"]: row for row in RESULTS["Extraction: cost over players"]}
    assert float(over_players[IMAGENET.players]["seconds a problem"]) == pytest.approx(scaling.EXTRACTION, rel=0.02)
    share = next(row["median"] for row in RESULTS["Masking"] if "share of the speed" in row["what"])
    assert float(share.rstrip("%")) / 100 == scaling.REACHED
    sizes = [game_path(EXPERIMENTS[name]) for name in ("mnist/mlp7", "cifar10/resnet20", "sst2/bert")]
    for path in sizes:
        assert path.stat().st_size / load(path)["values"].size == pytest.approx(scaling.BYTES_OF_GAME, rel=0.05), path
    files = [(path, load(path)["multiples"]) for path in sorted((paths.GAMES / "interactions").glob("*.nc"))]
    twelve = [(path.stat().st_size, found.size / 2) for path, found in files if found.sizes["coalition"] == 2**12]
    mean = sum(size / count for size, count in twelve) / len(twelve)
    assert mean == pytest.approx(scaling.BYTES_OF_INTERACTIONS, rel=0.1)


def test_the_network_is_resnet_50():
    with torch.device("meta"):
        network, image = torchvision.models.resnet50().eval(), torch.empty(1, 3, 224, 224)
    outputs = []
    for module in network.modules():
        if isinstance(module, torchvision.models.resnet.Bottleneck):
            module.register_forward_hook(lambda module, given, output: outputs.append(output[0]))
    with FlopCounterMode(display=False) as counted:
        network(image)
    assert counted.get_total_flops() == IMAGENET.operations
    assert len(outputs) == IMAGENET.layers
    assert sum(output.numel() for output in outputs) == IMAGENET.features
    assert sum(output.shape[0] for output in outputs) == IMAGENET.pooled
    assert sum(weight.numel() for weight in network.parameters()) == IMAGENET.parameters


def test_measured_rates_on_the_page_are_those_of_the_games():
    rows = re.findall(r"\| `(\w+/\w+)` \| ([\d,]+) \| ([\d,]+) \|", PAGE)
    assert len(rows) >= 4
    for name, inputs, rate in rows:
        game = load(game_path(EXPERIMENTS[name]))
        count = game.sizes["sample"] * game.sizes["coalition"]
        assert int(inputs.replace(",", "")) == count
        seconds = json.loads(game.attrs["seconds"])["masking"]
        assert int(rate.replace(",", "")) == round(count / seconds), name
