"""What all tests share; and what the examples in docstrings may use without saying so."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import lkutils as lk

os.environ["MPLBACKEND"] = "agg"  # no windows, whatever the shell says


def pytest_addoption(parser):
    """Options of our own."""
    parser.addoption(
        "--site",
        type=lambda folder: Path(folder).resolve(),
        help="folder of the built book that test_pages.py looks at; a book of smoke chapters when not given",
    )


@pytest.fixture(autouse=True)
def doctest_surroundings(request, doctest_namespace):
    """Examples run in an empty folder, offline, with numpy as np, xarray as xr, torch and lkutils as lk."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    from lkutils.paper import files

    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.chdir(request.getfixturevalue("tmp_path"))
    doctest_namespace.update(np=np, xr=xr, torch=torch, lk=lk)

    def fetch(*_, **__):
        pytest.skip("needs a data set that is not at hand")

    monkeypatch.setattr(files.pooch, "retrieve", fetch)
