"""Tables by hand: what is left out, how rows are encoded and masked, and what is refused."""

import numpy as np
import pytest
import torch

from lkutils.paper import experiments, files, paths, shipped, tables
from lkutils.paper.tables import Encoding, Rows, balanced, complete, load_table, parse


def rows_of(labels=(0, 1, 0, 1), **columns):
    return Rows({name: np.array(column) for name, column in columns.items()}, torch.tensor(labels))


PEOPLE = rows_of(age=["20", "30", "40", "50"], job=["cook", "clerk", "cook", "pilot"])


# ---- parsing ----


def test_columns_are_found_by_name_and_comments_are_left_out():
    found = parse("|a comment\n39, clerk, x\n\n40, cook, y\n", ("age", "job", "rest"), ("job", "age"), "a table")
    assert {name: column.tolist() for name, column in found.items()} == {
        "job": ["clerk", "cook"],
        "age": ["39", "40"],
    }


def test_an_unknown_attribute_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"people\.csv has no attribute 'height'; it has age, job"):
        parse("age,job\n39,clerk\n", None, ("age", "height"), "people.csv")
    with pytest.raises(ValueError, match="unknown attribute 'height'; the table has age, job"):
        Encoding.of(PEOPLE, ("height",))


def test_a_row_with_other_columns_is_named():
    with pytest.raises(ValueError, match=r"people\.csv has 3 values in row 2, expected are 2"):
        parse("age,job\n39,clerk\n40,cook,x\n", None, ("age",), "people.csv")


# ---- rows ----


def test_rows_with_a_missing_value_are_left_out():
    rows = rows_of(age=["20", "?", "", "50"], job=["cook", "cook", "cook", "NaN"])
    left = complete(rows)
    assert left.columns["age"].tolist() == ["20"]
    assert left.labels.tolist() == [0]
    with pytest.raises(ValueError, match="all 2 rows have a missing value"):
        complete(rows_of(labels=(0, 1), age=["?", "?"]))


def test_balanced_rows_have_each_class_as_often_and_keep_their_order():
    labels = torch.tensor([0, 0, 1, 0, 0, 1, 0, 1])
    rows = Rows({"number": np.arange(8).astype(str)}, labels)
    kept = balanced(rows)
    numbers = kept.columns["number"].astype(int)
    assert kept.labels.bincount().tolist() == [3, 3]
    assert (np.diff(numbers) > 0).all()
    assert torch.equal(labels[torch.from_numpy(numbers)], kept.labels)
    assert {2, 5, 7} < set(numbers.tolist()), "all rows of the rarest class"
    assert any(balanced(rows, seed).columns["number"].tolist() != numbers.astype(str).tolist() for seed in range(1, 9))
    with pytest.raises(ValueError, match=r"all rows are of class \[1\]"):
        balanced(rows.chosen(labels.numpy() == 1))


# ---- encoding ----


def test_numbers_are_standardised_and_categories_one_hot():
    inputs = Encoding.of(PEOPLE, ("job",)).inputs(PEOPLE)
    np.testing.assert_allclose(inputs[:, 0], np.array([-15, -5, 5, 15]) / np.sqrt(125), rtol=1e-6)
    assert inputs[:, 1:].tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]  # clerk, cook, pilot


def test_other_rows_are_encoded_by_the_training_rows():
    encoding = Encoding.of(PEOPLE, ("job",))
    other = rows_of(labels=(1,), job=["pilot"], age=["35"])
    assert encoding.inputs(other).tolist() == [[0, 0, 0, 1]], "35 is the mean of training; the order of columns is its"


def test_a_constant_attribute_becomes_zero():
    rows = rows_of(age=["7"] * 4)
    assert Encoding.of(rows, ()).inputs(rows).tolist() == [[0.0]] * 4


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"age": ["20"], "job": ["judge"]}, "'job' has the category 'judge' in row 0.*did not occur in training"),
        ({"age": ["old"], "job": ["cook"]}, "'age' has the value 'old' in row 0, which is no finite number"),
        ({"age": ["inf"], "job": ["cook"]}, "'age' has the value 'inf' in row 0, which is no finite number"),
        ({"age": ["20"]}, r"other columns than in training: without \['job'\], and with \[\]"),
        ({"age": ["20"], "job": ["cook"], "pay": ["1"]}, r"without \[\], and with \['pay'\]; expected are age, job"),
    ],
)
def test_what_training_did_not_have_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        Encoding.of(PEOPLE, ("job",)).inputs(rows_of(labels=(0,), **columns))


def test_rows_are_left_as_they_were():
    before = {name: column.copy() for name, column in PEOPLE.columns.items()}
    Encoding.of(PEOPLE, ("job",)).inputs(PEOPLE)
    assert all(np.array_equal(before[name], PEOPLE.columns[name]) for name in before)


# ---- whole tables ----


def test_an_unknown_table_or_baseline_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown table 'consensus'; known are census, commercial, cancer"):
        load_table("consensus")
    with pytest.raises(ValueError, match="baseline='zero'; known are typical, mean"):
        load_table("cancer", "zero")


def check_table(dataset, categorical):
    """What is so of every table, whose categorical attributes are named."""
    names = dataset.player_names
    players = dataset.sample_players[0]
    assert (dataset.sample_players == players).all()
    assert players.unique().tolist() == list(range(len(names))), "each column has a player"
    assert dataset.train_labels.bincount().unique().numel() == 1, "classes are balanced"
    assert dataset.test_labels.bincount().unique().numel() == 1
    for player, name in enumerate(names):
        columns = dataset.train_inputs[:, players == player]
        of_baseline = dataset.baseline[players == player]
        if name in categorical:
            assert (columns.sum(1) == 1).all()
            assert dataset.test_inputs[:, players == player].sum(1).eq(1).all()
            assert of_baseline.sum() == 1
            counts = columns.sum(0)
            assert counts[of_baseline == 1].item() == counts.max()
        else:
            assert columns.shape[1] == 1
            torch.testing.assert_close(columns.mean(), torch.tensor(0.0), atol=1e-4, rtol=0)
            torch.testing.assert_close(columns.std(), torch.tensor(1.0), atol=2e-3, rtol=0)
            torch.testing.assert_close(of_baseline, columns.mean(0))


def test_the_table_of_tumours():
    cancer = load_table("cancer")
    check_table(cancer, {"size"})
    assert cancer.train_inputs.shape == (344, 8)
    assert cancer.n_classes == 2


def test_the_two_baselines_differ_in_categories_alone():
    typical, mean = load_table("cancer"), load_table("cancer", "mean")
    of_size = typical.sample_players[0] == 0
    assert torch.equal(typical.train_inputs, mean.train_inputs)
    assert torch.equal(typical.baseline[~of_size], mean.baseline[~of_size])
    torch.testing.assert_close(mean.baseline[of_size], mean.train_inputs[:, of_size].mean(0))
    assert not torch.equal(typical.baseline[of_size], mean.baseline[of_size])


def have(name):
    return files.find_file(name) is not None


@pytest.mark.skipif(not have("census/adult.data"), reason="the census is not in the data folder")
def test_the_census_is_the_official_one():
    assert len(tables.read_census("train").labels) == 32_561
    assert tables.read_census("test").labels.bincount().tolist() == [12_435, 3846]
    census = load_table("census")
    check_table(census, set(tables.CENSUS_CATEGORICAL))
    assert census.n_players == 12
    assert len(census.train_labels) == 2 * 7508, "7,508 complete training rows have an income above 50,000"
    assert len(census.test_labels) == 2 * 3700


@pytest.mark.skipif(not have("commercial/BBC.csv"), reason="the TV news are not in the data folder")
def test_the_tv_news_of_two_channels():
    labels = torch.cat([tables.read_commercial(part).labels for part in ("train", "test")])
    assert labels.bincount().tolist() == [9304 + 4487, 8416 + 12564]
    commercial = load_table("commercial")
    check_table(commercial, set())
    assert commercial.n_players == 10


# ---- their games ----


def test_games_of_tables_are_asked_for():
    assert shipped.game_names("smoke", tables=True) == ["cancer/mlp7", "cancer/mlp7.mean"]
    for profile in ("paper", "smoke"):
        assert not set(shipped.game_names(profile)) & set(shipped.game_names(profile, tables=True))
        assert not [name for name in shipped.game_names(profile) if name.split("/")[0] in tables.TABLES]


def test_a_variant_masked_by_means_is_the_same_network(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "GAMES", tmp_path / "games")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    typical, mean = (shipped.load_game(name) for name in ("cancer/mlp7", "cancer/mlp7.mean"))
    assert typical.attrs["weights_sha256"] == mean.attrs["weights_sha256"]
    assert typical["sample"].equals(mean["sample"])
    assert (
        typical["player_name"].values.tolist()
        == mean["player_name"].values.tolist()
        == list(tables.load_table("cancer").player_names)
    )
    full = {"coalition": 2**6 - 1}
    np.testing.assert_allclose(typical["values"][full], mean["values"][full], atol=1e-5)
    size_is_masked = (typical["coalition"] & 1) == 0
    assert abs(typical["values"] - mean["values"])[..., ~size_is_masked].max() < 1e-4
    assert abs(typical["values"] - mean["values"])[..., size_is_masked].max() > 0.1
    assert str(shipped.label_of(typical)) == "MLP-7, cancer"
    assert str(shipped.label_of(mean)) == "MLP-7, masked by means, cancer"


def test_a_variant_can_have_another_seed():
    found = experiments.find_experiment("census/mlp7.mean.seed2")
    assert (found.name, found.training.seed) == ("census/mlp7.mean.seed2", 2)
