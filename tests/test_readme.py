"""The README says what the shipped games and chapters are."""

import pytest

from lkutils.book import parameters
from lkutils.paper import experiments, paths, shipped

README = (paths.ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", shipped.game_names("paper"))
def test_the_accuracy_of_every_shipped_game_stands_in_the_readme(name):
    game = shipped.load_game(name)
    row = f"| `{name}` | {game.attrs['network_accuracy']:.2%} | {game.sizes['layer']} | {game.sizes['sample']} |"
    assert row in README, f"README.md should have the row {row}"


def test_every_chapter_stands_in_the_readme():
    for chapter in parameters.list_chapters():
        assert f"| `{chapter}` |" in README


def test_the_shipped_games_are_small():
    sizes = [
        experiments.game_path(experiments.find_experiment(name)).stat().st_size for name in shipped.game_names("paper")
    ]
    assert max(sizes) < 8 * 2**20
    assert sum(sizes) < 45 * 2**20
