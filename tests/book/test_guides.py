"""What the pages that are written by hand say, put to the code: snippets, commands, settings, symbols."""

import re
import shlex

import pytest
import yaml

from lkutils import __main__ as command_line
from lkutils import metrics
from lkutils.book import parameters
from lkutils.paper import experiments, paths, shipped

PAGES = {path.stem: path.read_text() for path in sorted(paths.BOOK.glob("*.md"))}
COMMANDS = [
    (page, command.replace("\\\n", " "))
    for page, text in PAGES.items()
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    for command in re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE)
]

# Of Snakemake's options, those that pages name.
SNAKEMAKE = {"--cores", "--jobs", "--executor", "--retries", "--resources", "--config"}


def run_snippets(page):
    """The variables that a page's Python leaves."""
    variables = {}
    snippets = re.findall(r"```python\n(.*?)```", PAGES[page], re.DOTALL)
    assert snippets
    exec("\n".join(snippets), variables)
    return variables


def test_the_snippet_of_the_intro_finds_one_or_interaction():
    assert run_snippets("intro")["found"].or_.round(decimals=2).tolist() == [0, 0, 0, 1]


def test_the_snippet_of_the_data_page_opens_a_game():
    game = run_snippets("data")["game"]
    assert f"# {game['values'].dims}" in PAGES["data"]
    for name in ("settings", "versions", "seconds", "device", "network_accuracy"):
        assert any(name in key for key in [*game.attrs, *map(str, game.attrs.values())]), name


def test_no_page_has_other_python_that_nobody_runs():
    assert [page for page, text in PAGES.items() if "```python" in text] == ["data", "intro", "your_network"]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_commands_are_accepted(page, command):
    program, *words = shlex.split(command)
    if program == "make":
        assert all(re.search(rf"^{word}:", (paths.ROOT / "Makefile").read_text(), re.MULTILINE) for word in words)
    elif words[:2] == ["-m", "lkutils"]:
        options = command_line.parser().parse_args(words[2:])
        if words[2] == "chapter":
            given = parameters.read_parameters(options.name, dict(options.parameter))
            parameters.check_parameters(options.name, given)
        else:
            assert f"{options.dataset}/{options.network}" in experiments.EXPERIMENTS
    elif program == ".venv/bin/snakemake":
        assert (paths.ROOT / "Snakefile").exists()
        known = yaml.safe_load((paths.ROOT / "lkutils/paper/workflow/config.yaml").read_text())
        settings = [word.partition("=") for word in words if re.fullmatch("profile=.*|gpus_per_job=.*", word)]
        assert all(key in known and (key != "profile" or value in known) for key, _, value in settings)
        assert {word for word in words if word.startswith("--")} <= SNAKEMAKE
    else:
        assert program == ".venv/bin/papermill"
        source, key, value = words[0], words[3], words[4]
        parameters.read_parameters((paths.ROOT / source).stem, {key: value})


def test_the_data_page_names_the_samples_of_every_game():
    rows = dict(re.findall(r"^\| (\S+) \{cite.*?\| (\d+) (?:test images|dev and)", PAGES["data"], re.MULTILINE))
    for name in shipped.game_names("paper"):
        game = shipped.load_game(name)
        label = shipped.label_of(game)
        fewer = re.search(rf"{label.network}, which came\s+later, is played on the (\d+) of them", PAGES["data"])
        assert int(fewer[1] if fewer else rows[label.dataset]) == game.sizes["sample"], name


def test_the_data_page_names_the_epochs():
    for name, words in {
        "mnist/mlp7": "on MNIST {} (MLP-7)",
        "mnist/vgg11": "{} (VGG-11) and",
        "mnist/resnet20": "and {} (ResNet-20)",
        "cifar10/mlp7": "on CIFAR-10 {} (MLP-7)",
        "cifar10/vgg11": "and {} (VGG-11)",
    }.items():
        expected = words.format(experiments.EXPERIMENTS[name].training.epochs)
        assert expected in PAGES["data"].replace("\n", " "), name
    paper = [experiment for experiment in experiments.EXPERIMENTS.values() if experiment.profile == "paper"]
    at_optimum = [one.name for one in paper if isinstance(one.probes, experiments.Optimum)]
    assert at_optimum == ["sst2/minilm"]  # the only one, as the page says
    probes = {one.probes.epochs for one in paper if one.name not in at_optimum}
    assert f"here {min(probes)} to {max(probes)} epochs" in PAGES["data"].replace("\n", " ")


def test_symbols_of_the_notation_exist_in_the_code():
    for name in ("salience_threshold", "salient", "output_range"):
        assert f"`{name}`" in PAGES["notation"]
        assert hasattr(metrics, name)
