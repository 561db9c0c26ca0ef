"""What all tests share; and what the examples in docstrings may use without saying so."""

import os
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbCell


def pytest_addoption(parser):
    """Options of our own."""

    def folder(name):
        return Path(name).resolve()

    parser.addoption(
        "--executed",
        type=folder,
        help="folder where nbval leaves the notebooks that it ran, and of which test_pages.py makes a book; "
        "when not given, that test runs the chapters itself",
    )
    parser.addoption(
        "--long", action="store_true", help="as many kills, damaged files and examples as `make test-faults` has"
    )
    parser.addoption("--site", type=folder, help="folder of a built book that test_pages.py looks at instead")


def pytest_configure(config):
    """No windows, whatever the shell says; in notebooks, figures are drawn into them."""
    inline = "module://matplotlib_inline.backend_inline"
    os.environ["MPLBACKEND"] = inline if config.option.nbval_lax or config.option.nbval else "agg"


def pytest_runtest_teardown(item, nextitem):
    """Keep what a notebook printed and drew, once nbval has run its last cell."""
    executed = item.config.option.executed
    if not executed or not isinstance(item, IPyNbCell):
        return
    item.cell.outputs = item.test_outputs or []
    if nextitem is None or nextitem.parent is not item.parent:
        executed.mkdir(parents=True, exist_ok=True)
        nbformat.write(item.parent.nb, executed / item.parent.path.name)


@pytest.fixture(autouse=True)
def doctest_surroundings(request, doctest_namespace):
    """Examples run in an empty folder, offline, with numpy as np, xarray as xr, torch and lkutils as lk."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    # Not above: nbval's runs of notebooks have no use for them, and they take seconds to import.
    import numpy as np
    import torch
    import xarray as xr

    import lkutils as lk
    from lkutils.paper import files

    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.chdir(request.getfixturevalue("tmp_path"))
    doctest_namespace.update(np=np, xr=xr, torch=torch, lk=lk)

    def fetch(*_, **__):
        pytest.skip("needs a data set that is not at hand")

    monkeypatch.setattr(files, "fetch", fetch)
