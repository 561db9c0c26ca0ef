"""The guide for a reader's own network: its snippets run in their order, and its numbers are those measured."""

import json
import re

import pytest

from lkutils.paper import paths

PAGE = (paths.BOOK / "your_network.md").read_text()
SECTIONS = re.findall(r"^## (.*?)$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    from matplotlib import pyplot as plt

    folder, found = tmp_path_factory.mktemp("guide"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(snippet, found)
    plt.close("all")
    return found | {"folder": folder}


def test_snippets_give_what_the_page_says(variables):
    assert variables["followed"]["layer"].values.tolist() == ["first", "second", "output"]
    assert variables["game"]["n_players"].values.tolist() == [6, 6]
    assert variables["text_game"]["n_players"].values.tolist() == [4, 3, 2, 1]
    assert {path.name for path in variables["folder"].iterdir()} == {"similarity.png", "game.nc", "found.nc"}


def test_what_is_saved_is_read_again(variables):
    again, followed = variables["again"], variables["followed"]
    assert again["overlap"].equals(followed["overlap"])


def test_every_kind_of_network_has_a_snippet():
    kinds = ["images", "text", "scikit-learn", "Superpixels", "regression", "decoder", "results", "Pictures", "Saving"]
    for kind in kinds:
        [text] = [text for title, text in SECTIONS if kind in title]
        assert "```python" in text, kind


def test_seconds_of_extraction_are_those_measured():
    rows = json.loads((paths.ROOT / "benchmarks" / "results.json").read_text())["tables"][
        "Extraction: cost over players"
    ]
    measured = {row["players"]: row["seconds a problem"] for row in rows}
    typed = re.findall(r"^\| (\d+) \| ([\d,]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    assert len(typed) == 6
    for players, inputs, seconds in typed:
        assert int(inputs.replace(",", "")) == 2 ** int(players)
        assert float(seconds) == pytest.approx(measured[int(players)], rel=0.05)
