"""The README says what the shipped games and chapters are."""

import pytest

from lkutils.book import parameters
from lkutils.paper import paths, shipped

README = (paths.ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", shipped.game_names("paper"))
def test_the_accuracy_of_every_shipped_game_stands_in_the_readme(name):
    game = shipped.load_game(name)
    row = f"| `{name}` | {game.attrs['network_accuracy']:.2%} | {game.sizes['layer']} | {game.sizes['sample']} |"
    assert row in README, f"README.md should have the row {row}"


def test_every_chapter_stands_in_the_readme():
    for chapter in parameters.list_chapters():
        assert f"| `{chapter}` |" in README


def test_what_is_shipped_is_small():
    sizes = {path: path.stat().st_size / 2**20 for path in paths.GAMES.rglob("*") if path.is_file()}
    whole = paths.GAMES / "census/mlp7.mean.nc"  # all layers of 100 samples of 12 players
    assert [str(path) for path, size in sizes.items() if size > (20 if path == whole else 8)] == []
    assert sum(sizes.values()) < 160
    assert sum(size for path, size in sizes.items() if ".noise" in path.name) < 40
