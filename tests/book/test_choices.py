"""What is kept of a game is made once, read again, and refused where it is of another game."""

import numpy as np
import pytest

from lkutils.book import choices
from lkutils.claims.choices import MAIN, SILENT
from lkutils.paper.choices import EXTRACTIONS, choices_path, interactions_by
from lkutils.paper.experiments import PROBES, find_experiment, with_probes
from lkutils.paper.shipped import load_game
from lkutils.storage import load, store


@pytest.fixture(scope="module")
def kept():
    """Of a small game."""
    return choices.load_choices("digits/mlp7")


def test_choices_are_kept_of_every_extraction_and_read_again(kept):
    assert kept["extraction"].values.tolist() == list(EXTRACTIONS)
    path = choices_path(find_experiment("digits/mlp7"))
    before = path.stat().st_mtime_ns
    assert choices.load_choices("digits/mlp7").identical(kept)
    assert path.stat().st_mtime_ns == before


def test_the_extractions_are_different_and_one_is_and_alone(kept):
    game = load_game("digits/mlp7")
    found = {way: interactions_by(game, way, 4) for way in EXTRACTIONS}
    assert all(part.sizes["sample"] == 4 for part in found.values())
    assert not found["AND alone"].sel(kind="or").any()
    strengths = {way: abs(part.isel(coalition=slice(1, None))).sum().item() for way, part in found.items()}
    assert strengths["AND alone"] > strengths["kappa 0"] > strengths["kappa 0.04"] > strengths["kappa 0.1"]
    with pytest.raises(ValueError, match="unknown extraction 'none'"):
        interactions_by(game, "none", 4)


def test_what_the_book_chooses_is_among_the_choices(kept):
    assert MAIN["extraction"] in EXTRACTIONS
    assert set(SILENT) <= set(EXTRACTIONS)
    assert MAIN["tau_ratio"] in kept["tau_ratio"]
    assert MAIN["tau_rule"] in kept["tau_rule"]
    assert choices.variants_of("digits/mlp7")[0] == "digits/mlp7"
    assert kept.attrs["training"] == MAIN["training"]


def test_a_network_that_had_to_be_trained_again_says_so():
    game = load_game("digits/mlp7")
    long = find_experiment("digits/mlp7.long")
    assert choices.training_of(long, game) == "probes trained longer"
    other = game.assign(values=game["values"] + 0.1)
    assert choices.training_of(long, other) == "trained again, probes trained longer"
    assert choices.training_of(find_experiment("digits/mlp7.seed1"), other) == "seed 1"


def test_choices_of_another_game_are_refused(kept, tmp_path, monkeypatch):
    other = kept.copy()
    other.attrs = kept.attrs | {"values_sha256": "0" * 64}
    path = tmp_path / "mlp7.nc"
    store(other, path)
    monkeypatch.setattr(choices, "choices_path", lambda experiment: path)
    with pytest.raises(ValueError, match=r"mlp7\.nc is of another game than digits/mlp7: delete it"):
        choices.load_choices("digits/mlp7")
    assert load(path).attrs["values_sha256"] == "0" * 64


def test_what_is_not_kept_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr(choices, "choices_path", lambda experiment: tmp_path / "missing.nc")
    with pytest.raises(FileNotFoundError, match="python -m lkutils choices --dataset mnist --network mlp7"):
        choices.load_choices("mnist/mlp7")


def test_other_probes_are_of_the_same_network_and_samples():
    main = find_experiment("mnist/mlp7")
    for way in PROBES:
        other = find_experiment(f"mnist/mlp7.{way}")
        assert other == with_probes(main, way)
        assert other.training == main.training
    assert find_experiment("mnist/mlp7.long").probes.epochs == 8 * main.probes.epochs


def test_accuracies_of_probes_are_kept_of_every_layer(kept):
    game = load_game("digits/mlp7")
    np.testing.assert_array_equal(kept["probe_accuracy"], game["probe_accuracy"])
    assert kept["every_layer"].values.tolist() == game["layer"].values.tolist()
