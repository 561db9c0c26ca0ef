"""Files of every kind with flipped bits and cut short: an error of ours or the right numbers, and never a wrong one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import Forked
from test_kills import JOBS, folder  # noqa: F401 (a fixture)
from tiny import TINY

from lkutils import games, probes
from lkutils.book import keys
from lkutils.epochs import load as load_checkpoint
from lkutils.paper import making, paths, shipped
from lkutils.paper.samples import read_samples
from lkutils.storage import load, unseal

FLIPS, CUTS = (12, 300), (4, 60)  # of each kind, in `make test` and in `make test-faults`


@pytest.fixture
def kinds(folder, tmp_path, monkeypatch):  # noqa: F811
    """A file of each kind, and what reads it."""
    assert Forked(JOBS["a game"]).status() == 0
    game = shipped.load_game("digits/mlp7").isel(sample=[0])
    games.interactions(game, layers=["output"], caches=[paths.CACHE])
    (found,) = (paths.CACHE / "interactions").iterdir()
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    cache = tmp_path / "fitted.pt"
    probes.probe(network, "0", x, (x[:, 0] > 0).long(), cache=cache)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    executed = tmp_path / "chapter.ipynb"
    executed.write_text(json.dumps({"cells": [{"source": "1 + 1"}], "metadata": {"lkutils": {"key": "k", "read": {}}}}))
    keys.write_digest(executed)
    chunk = making.chunk_folder(TINY) / "chunk.npz"
    making.compute_part({chunk: lambda: x}, (0, 1), "one")
    path = paths.GAMES / "digits" / "mlp7.nc"
    return {
        path: lambda: shipped.load_game("digits/mlp7")["values"].values.tobytes(),
        found: lambda: load(found)["multiples"].values.tobytes(),
        path.with_name("samples.json"): lambda: read_samples(path.with_name("samples.json"), 360, "digits").tolist(),
        making.checkpoint_path(TINY, "network"): lambda: str(load_checkpoint(making.checkpoint_path(TINY, "network"))),
        making.checkpoint_path(TINY, "probes"): lambda: str(load_checkpoint(making.checkpoint_path(TINY, "probes"))),
        cache: lambda: str(load_checkpoint(cache)),
        chunk: lambda: unseal(chunk),
        executed: lambda: keys.executed_key(executed),
    }


def damaged(content: bytes, flips: int, cuts: int, random: np.random.Generator):
    """The content with one bit flipped, and cut short."""
    for place in random.integers(len(content), size=flips).tolist():
        other = bytearray(content)
        other[place] ^= 1 << int(random.integers(8))
        yield bytes(other)
    for length in random.integers(len(content) - 1, size=cuts).tolist():
        yield content[:length]


def test_no_damage_gives_another_number(kinds, pytestconfig):
    random, long = np.random.default_rng(0), pytestconfig.option.long
    for path, read in kinds.items():
        content, expected = path.read_bytes(), read()
        for other in damaged(content, FLIPS[long], CUTS[long], random):
            path.write_bytes(other)
            assert outcome(path, read) in (None, expected), path.name
        path.write_bytes(content)
        assert read() == expected


def outcome(path: Path, read):
    """What is read; None where it is refused with the file's name, or has to be made again."""
    try:
        return read()
    except ValueError as error:
        return None if path.name in str(error) else error


def test_a_damaged_interaction_in_the_cache_is_extracted_again(kinds, capsys):
    game = shipped.load_game("digits/mlp7").isel(sample=[0])
    (found,) = (paths.CACHE / "interactions").iterdir()
    before = games.interactions(game, layers=["output"], caches=[paths.CACHE])
    for other in damaged(found.read_bytes(), 3, 1, np.random.default_rng(1)):
        found.write_bytes(other)
        again = games.interactions(game, layers=["output"], caches=[paths.CACHE])
        assert again.identical(before)
        assert capsys.readouterr().err.count("made again now") == 1
