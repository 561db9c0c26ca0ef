"""The command line: ``python -m lkutils``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import NoReturn

from lkutils import games, interrupts
from lkutils.book import choices
from lkutils.book.chapters import ChapterError, run_chapter
from lkutils.book.parameters import PROFILES, list_chapters, read_parameters
from lkutils.masking import is_out_of_memory
from lkutils.paper import experiments, making, noise, shipped
from lkutils.paper.experiments import Experiment
from lkutils.storage import DamagedFileError

EXAMPLES = """\
examples:
  python -m lkutils list                                      what games exist, with accuracies
  python -m lkutils book                                      run what changed, build the HTML book
  python -m lkutils chapter 01_sparsity                       run one chapter with its default parameters
  python -m lkutils chapter 01_sparsity -p tau_ratio 0.1      ... with another one
  python -m lkutils chapter 01_sparsity --profile smoke       ... on small games made from scratch
  python -m lkutils game --dataset mnist --network mlp7       train, probe, mask, store; interrupt and resume at will
  python -m lkutils game --dataset mnist --network mlp7 --draws 20 --part 1/2    with noise, half of the work here
  python -m lkutils interactions --dataset mnist --network mlp7                  extract them, for the chapters to read
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status, 2 when something given by the user is wrong."""
    try:
        options = parser().parse_args(arguments)
        with interrupts.raised():
            options.run(options)
    except (ValueError, OSError, KeyError, FloatingPointError, MemoryError, ChapterError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f"lkutils: {message}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        print(f"lkutils: out of memory ({error})", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(interrupts.TOLD, file=sys.stderr)
        return interrupts.STATUS
    return 0


class Parser(argparse.ArgumentParser):
    """A parser that takes -1e-3 for a number, and tells those who write KEY=VALUE what to write."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._negative_number_matcher = re.compile(r"-\.?\d")  # argparse's own knows no exponents before Python 3.14

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and end with status 2."""
        if "-p/--parameter" in message:
            message += "; a parameter is given as a name and a value with a space between: -p tau_ratio 0.1"
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = Parser(
        prog="python -m lkutils",
        description="Rebuild the figures of 'Layerwise Change of Knowledge in Neural Networks' (ICML 2024).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    game = commands.add_parser("game", help="make games: train, probe, mask, store; resumes where it was interrupted")
    add_choice_of_games(game)
    add_kind_of_game(game)
    game.add_argument(
        "--weights", help="pretrained weights of a transformer: a name on the Hugging Face hub, or a folder"
    )
    game.add_argument("--until", choices=making.STAGES, help="stop when the network is trained, or its probes are")
    game.add_argument("--force", action="store_true", help="make a game again that exists already")
    game.set_defaults(run=run_game)

    interactions = commands.add_parser("interactions", help="extract the interactions of games, unless they are there")
    add_choice_of_games(interactions)
    add_kind_of_game(interactions)
    interactions.set_defaults(run=run_interactions, weights=None)

    kept = commands.add_parser(
        "choices", help="keep what claims read of games that are probed and taken apart in every way (b3_choices)"
    )
    add_choice_of_games(kept)
    kept.set_defaults(run=run_choices, weights=None, control=None, draws=0, sigma=noise.SIGMA, test=False)

    chapter = commands.add_parser("chapter", help="run one chapter; writes an executed copy, never the source")
    chapter.add_argument("name", metavar="NAME", help=f"one of {', '.join(list_chapters())}")
    chapter.add_argument(
        "-p", "--parameter", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="may be repeated"
    )
    chapter.add_argument("--profile", help="paper (the shipped games) or smoke (small games made from scratch)")
    chapter.set_defaults(run=run_one_chapter)

    book = commands.add_parser("book", help="run every chapter that changed and build the HTML book")
    book.add_argument("--profile", choices=PROFILES, default="paper", help="smoke builds one of small games, in runs/")
    book.set_defaults(run=run_book)

    listing = commands.add_parser("list", help="the games that exist, with accuracies")
    listing.set_defaults(run=run_list)
    return top


def add_choice_of_games(command: argparse.ArgumentParser) -> None:
    """Options that say which games a command is about, and which part of the work is to be done here."""
    command.add_argument("--dataset", help=f"one of {', '.join(known('dataset'))}; all of the paper's when left out")
    command.add_argument("--network", help=f"one of {', '.join(known('network'))}; all of the data set's when left out")
    command.add_argument("--seed", type=int, default=0, help="of the network and its training; 0 is the shipped game's")
    command.add_argument(
        "--part",
        default="1/1",
        metavar="K/M",
        help="the K-th of M parts of the samples and draws, or of the layers whose interactions are extracted",
    )


def add_kind_of_game(command: argparse.ArgumentParser) -> None:
    """Options that say which game of a network is meant, besides the shipped one."""
    command.add_argument("--control", choices=experiments.CONTROLS, help="what App. D and E are tested by")
    command.add_argument(
        "--draws", type=int, default=0, help="of noise on training samples: that game instead (Sec. 3.3)"
    )
    command.add_argument(
        "--sigma", type=float, default=noise.SIGMA, help="with --draws: of the noise, where pixels go from 0 to 1"
    )
    command.add_argument("--test", action="store_true", help="with --draws: test samples")


def known(field: str) -> list[str]:
    """The known data sets or networks, each once."""
    return list(dict.fromkeys(getattr(experiment, field) for experiment in experiments.EXPERIMENTS.values()))


def chosen_experiments(options: argparse.Namespace) -> list[Experiment]:
    """The experiments whose games were asked for.

    Raises:
        ValueError: there is no such experiment, or options do not go together.
    """
    for field in ("dataset", "network"):
        asked = getattr(options, field)
        if asked is not None and asked not in known(field):
            raise ValueError(f"unknown {field} {asked!r}; known are {', '.join(known(field))}")
    chosen = [
        experiment
        for experiment in experiments.EXPERIMENTS.values()
        if (experiment.dataset == options.dataset if options.dataset else experiment.profile == "paper")
        and options.network in (None, experiment.network)
    ]
    if not chosen:
        raise ValueError(f"there is no experiment with {options.network} on {options.dataset}")
    if options.weights and len(chosen) > 1:
        raise ValueError(f"--weights {options.weights} are those of one network; name it with --dataset and --network")
    if options.draws and (options.weights or options.seed or options.control):
        raise ValueError("--draws makes noise for the shipped networks: leave out --weights, --seed and --control")
    if options.control and (options.weights or options.seed):
        raise ValueError("--control is of the shipped networks: leave out --weights and --seed")
    if not options.draws and (options.test or options.sigma != noise.SIGMA):
        raise ValueError("--sigma and --test are for --draws: games without noise are on test samples")
    if options.control:
        chosen = [experiments.control(experiment, options.control) for experiment in chosen]
    return [experiments.with_seed(experiment, options.seed) for experiment in chosen]


def run_game(options: argparse.Namespace) -> None:
    """Make the games that were asked for and do not exist yet."""
    part = read_part(options.part)
    if options.until and (options.draws or options.part != "1/1"):
        raise ValueError(f"--until {options.until} stops before anything is masked: leave out --draws and --part")
    for experiment in chosen_experiments(options):
        stored = noise.with_noise(experiment, options.sigma, options.test) if options.draws else experiment
        path = experiments.game_path(stored)
        if path.exists() and not options.force:
            print(f"{experiment.name}: exists at {path} (--force makes it again)")
            continue
        if options.draws:
            made = noise.make_noise_game(experiment.name, options.draws, options.sigma, part=part, test=options.test)
        else:
            made = making.make_game(experiment.name, options.weights, part, options.until)
        left = f"stopped after its {options.until}" if options.until else "other parts are still missing"
        print(f"{experiment.name}: stored at {made}" if made else f"{experiment.name}: {left}")


def run_interactions(options: argparse.Namespace) -> None:
    """Extract the interactions of the games that were asked for, layer by layer; those in a cache are read."""
    first, step = read_part(options.part)
    for experiment in chosen_experiments(options):
        if options.draws:
            game = shipped.load_noise_game(experiment.name, options.sigma, options.test)
        else:
            game = shipped.load_game(experiment.name)
        for layer in game["layer"].values[first::step]:
            found = games.interactions(game, layers=[layer], caches=shipped.CACHES)
            print(f"{game.attrs['name']}: {layer}, largest certified gap {found['gap'].max().item():.2%}")


def run_choices(options: argparse.Namespace) -> None:
    """Keep what claims read of the networks that were asked for, probed and taken apart in every way."""
    first, step = read_part(options.part)
    chosen = chosen_experiments(options)
    if not options.seed:
        chosen += [other for experiment in chosen for other in experiments.otherwise_probed(experiment)]
    for experiment in chosen[first::step]:
        choices.make_choices(experiment.name)
        print(f"{experiment.name}: all choices are kept")


def read_part(text: str) -> tuple[int, int]:
    """Which part of the work, counted from 0, out of how many.

    Raises:
        ValueError: it is not of the form K/M.

    Example:
        >>> read_part("1/3")
        (0, 3)
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ValueError(f"--part {text}: give K/M with K from 1 to M, such as 1/3")
    return int(found[1]) - 1, int(found[2])


def run_one_chapter(options: argparse.Namespace) -> None:
    """Run one chapter with the parameters that were given."""
    print(run_chapter(options.name, read_parameters(options.name, dict(options.parameter)), options.profile))


def run_book(options: argparse.Namespace) -> None:
    """Run the chapters that changed, and build the pages."""
    from lkutils.book.pages import build_book  # half of the imports, which no other command needs

    build_book(options.profile)


def run_list(options: argparse.Namespace) -> None:
    """Print one line for every game."""
    print(f"{'game':<22}{'':<24}{'layers':>7}{'samples':>9}{'n':>4}{'accuracy':>10}  made on")
    for name, game in shipped.list_games().items():
        if isinstance(game, DamagedFileError):
            print(f"{name:<22}{game}")
            continue
        sizes, attrs = game.sizes, game.attrs
        print(
            f"{attrs['name']:<22}{shipped.label_of(game)!s:<24}{sizes['layer']:>7}{sizes['sample']:>9}{attrs['n_players']:>4}"
            f"{attrs['network_accuracy']:>10.2%}  {attrs['device']}, {attrs['created']}, "
            f"torch {json.loads(attrs['versions'])['torch']}"
        )


if __name__ == "__main__":
    sys.exit(main())
