"""The API reference has everything that is public."""

import re

import pytest

import lkutils as lk
from lkutils.paper import paths

PAGE = (paths.BOOK / "api.md").read_text()
ENTRIES = set(re.findall(r"^\.\. auto\w+:: (\S+)$", PAGE, re.MULTILINE))
MODULES = {"players", "plot"}


@pytest.mark.parametrize("name", sorted(set(lk.__all__) - MODULES))
def test_every_public_name_is_on_the_page(name):
    assert f"lkutils.{name}" in ENTRIES


def test_every_figure_is_on_the_page():
    assert {f"lkutils.figures.{name}" for name in lk.plot.__all__} <= ENTRIES


def test_all_ways_to_make_players_are_on_the_page():
    for name in ("Players", "patches", "segments", "columns", "words"):
        assert f"lkutils.players.{name}" in ENTRIES
        assert hasattr(lk.players, name)


def test_every_entry_exists_and_is_explained():
    for entry in ENTRIES:
        *path, name = entry.removeprefix("lkutils.").split(".")
        room = {"players": lk.players, "figures": lk.plot}[path[0]] if path else lk
        assert getattr(room, name).__doc__, entry
