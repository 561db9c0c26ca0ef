"""The snippet of the README: the lines of the chapter on a reader's own network, which run as they stand."""

import re

import torch
from torch import nn

from lkutils.paper import paths

README = (paths.ROOT / "README.md").read_text()
CHAPTER = (paths.NOTEBOOKS / "b2_your_network.py").read_text()
[SNIPPET] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_snippet_stands_in_the_chapter():
    cells = re.split(r"^# %%.*$", CHAPTER, flags=re.MULTILINE)
    assert SNIPPET.strip() in [cell.strip() for cell in cells]
    assert len(SNIPPET.strip().splitlines()) <= 10


def test_the_snippet_draws_a_figure():
    torch.manual_seed(0)
    modules = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten()]
    network = nn.Sequential(*modules, nn.Linear(4, 3))
    images, labels = torch.rand(40, 1, 8, 8), torch.arange(40) % 3
    variables = {"network": network, "images": images, "labels": labels, "x": images[:2], "y": labels[:2]}
    *lines, drawing = SNIPPET.strip().splitlines()
    exec("\n".join(lines), variables)
    assert eval(drawing, variables).axes
    assert variables["game"]["values"].sizes == {"layer": 5, "sample": 2, "coalition": 256}
