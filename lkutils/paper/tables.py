"""Tables: rows of attributes, of which each is a player (App. I.2). :data:`TABLES` lists them by name.

The paper names its two tables but not how they were prepared. Here, numbers are standardised by mean and standard
deviation of the training rows, and a category is one-hot: a column for each category that occurs in training, all of
which are masked together. Rows with a missing value are left out, of training and test rows alike. Of the larger class
so many rows are left out, at random, that both are equally frequent.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from lkutils.paper.datasets import Dataset
from lkutils.paper.files import checksum_of, read_file
from lkutils.players import columns as players_of_columns

MISSING = ("", "?", "nan")  # what stands in place of a missing value
Part = Literal["train", "test"]


def load_table(name: str, baseline: str = "typical") -> Dataset:
    """Load a table by name, downloading what is missing.

    Args:
        name: a key of :data:`TABLES`.
        baseline: what a masked attribute shows: of a number always the mean; of a category the most frequent one
            ("typical"), or each category's frequency ("mean"), which no row has.

    Raises:
        ValueError: unknown name or baseline, or a file whose content has another checksum than the official one.
        OSError: a file is missing and cannot be downloaded.

    Example:
        >>> cancer = load_table("cancer")
        >>> cancer.input_shape, cancer.n_players, cancer.player_names[0], cancer.sample_players[0].tolist()
        ((8,), 6, 'size', [0, 0, 0, 1, 2, 3, 4, 5])
    """
    if name not in TABLES:
        raise ValueError(f"unknown table {name!r}; known are {', '.join(TABLES)}")
    if baseline not in ("typical", "mean"):
        raise ValueError(f"baseline={baseline!r}; known are typical, mean")
    table = TABLES[name]
    train, test = (balanced(complete(table.read(part))) for part in ("train", "test"))
    encoding = Encoding.of(train, table.categorical)
    train_inputs, test_inputs = encoding.inputs(train), encoding.inputs(test)
    players, (names,) = players_of_columns(encoding.attribute_of_columns())
    mean = train_inputs.mean(dim=0)
    return Dataset(
        train_inputs=train_inputs,
        train_labels=train.labels,
        test_inputs=test_inputs,
        test_labels=test.labels,
        sample_inputs=test_inputs,
        sample_labels=test.labels,
        sample_players=players.expand(len(test_inputs), -1),
        baseline=mean if baseline == "mean" else most_frequent(mean, players[0], encoding.categorical_players()),
        n_classes=int(train.labels.max()) + 1,
        n_players=len(names),
        checksum=table.checksum(),
        player_names=tuple(names),
    )


# ---- rows -----------------------------------------------------------------------------------------------------------


class Rows(NamedTuple):
    """Rows of a table.

    Attributes:
        columns: for each attribute its value in every row, as text.
        labels: the class of every row.
    """

    columns: dict[str, Shaped[np.ndarray, "row"]]
    labels: Int[Tensor, "row"]

    def chosen(self, rows: Shaped[np.ndarray, "some"]) -> Rows:
        """Some of the rows, by number or as a mask."""
        return Rows({name: column[rows] for name, column in self.columns.items()}, self.labels[torch.from_numpy(rows)])


def parse(text: str, names: tuple[str, ...] | None, wanted: tuple[str, ...], source: str) -> dict[str, np.ndarray]:
    r"""Columns of a text of comma-separated values, by name.

    Args:
        text: a row a line; what begins with "|" is a comment.
        names: of its columns; when None, they stand in the first row.
        wanted: the columns to return.
        source: what the text is called in messages.

    Raises:
        ValueError: a wanted column is not there, or a row has more or fewer values than there are columns.

    Example:
        >>> parse("age,job\n39, clerk\n", None, ("job",), "a table")
        {'job': array(['clerk'], dtype='<U5')}
    """
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("|"))
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    if names is None:
        names, rows = tuple(rows[0]), rows[1:]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise ValueError(f"{source} has no attribute {unknown[0]!r}; it has {', '.join(names)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise ValueError(f"{source} has {len(row)} values in row {number}, expected are {len(names)}: {names}")
    cells = np.array(rows).reshape(-1, len(names))
    return {name: cells[:, names.index(name)].astype(str) for name in wanted}


def complete(rows: Rows) -> Rows:
    """The rows in which no value is missing: the rule for all others is to leave them out.

    Raises:
        ValueError: none is left.

    Example:
        >>> complete(Rows({"job": np.array(["clerk", "?"])}, torch.tensor([0, 1]))).labels
        tensor([0])
    """
    missing = np.any([np.isin(np.char.lower(column), MISSING) for column in rows.columns.values()], axis=0)
    if missing.all():
        raise ValueError(f"all {len(missing)} rows have a missing value ({', '.join(map(repr, MISSING))})")
    return rows.chosen(~missing)


def balanced(rows: Rows, seed: int = 0) -> Rows:
    """As many rows of each class as the rarest one has, drawn at random and kept in order.

    Raises:
        ValueError: there is a single class.

    Example:
        >>> balanced(Rows({"age": np.array(list("12345"))}, torch.tensor([0, 1, 0, 0, 1]))).labels.bincount()
        tensor([2, 2])
    """
    labels, generator = rows.labels.numpy(), np.random.default_rng(seed)
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"all rows are of class {classes.tolist()}; to balance classes, give rows of two or more")
    drawn = [generator.permutation(np.flatnonzero(labels == one))[: counts.min()] for one in classes]
    return rows.chosen(np.sort(np.concatenate(drawn)))


# ---- from rows to inputs ---------------------------------------------------------------------------------------------


class Encoding(NamedTuple):
    """How rows become a network's inputs.

    Attributes:
        scales: of each attribute that is a number, mean and standard deviation; None of the others.
        categories: of each attribute that is a category, those that occur in training; None of the others. Both dicts
            have all attributes, in the order of the players.
    """

    scales: dict[str, tuple[float, float] | None]
    categories: dict[str, list[str] | None]

    @classmethod
    def of(cls, rows: Rows, categorical: tuple[str, ...]) -> Encoding:
        """The encoding that training rows define.

        Raises:
            ValueError: an unknown attribute, or a value that is no number.

        Example:
            >>> rows = Rows({"age": np.array(["20", "40"]), "job": np.array(["clerk", "cook"])}, torch.tensor([0, 1]))
            >>> encoding = Encoding.of(rows, categorical=("job",))
            >>> encoding.inputs(rows)
            tensor([[-1.,  1.,  0.],
                    [ 1.,  0.,  1.]])
        """
        unknown = [name for name in categorical if name not in rows.columns]
        if unknown:
            raise ValueError(f"unknown attribute {unknown[0]!r}; the table has {', '.join(rows.columns)}")
        scales = {
            name: None if name in categorical else scale_of(numbers(name, column))
            for name, column in rows.columns.items()
        }
        categories = {
            name: np.unique(column).tolist() if name in categorical else None for name, column in rows.columns.items()
        }
        return cls(scales, categories)

    def inputs(self, rows: Rows) -> Float[Tensor, "row column"]:
        """Rows as a network takes them, attribute by attribute.

        Raises:
            ValueError: the table has other columns, a value is no number, or a category did not occur in training.
        """
        expected, given = set(self.scales), set(rows.columns)
        if given != expected:
            raise ValueError(
                f"the table has other columns than in training: without {sorted(expected - given)}, and with "
                f"{sorted(given - expected)}; expected are {', '.join(self.scales)}"
            )
        return torch.cat([self.columns_of(name, rows.columns[name]) for name in self.scales], dim=1)

    def columns_of(self, name: str, column: Shaped[np.ndarray, "row"]) -> Float[Tensor, "row some"]:
        """The columns of one attribute."""
        known = self.categories[name]
        if known is None:
            mean, std = self.scales[name]
            return torch.from_numpy((numbers(name, column) - mean) / std).float()[:, None]
        unseen = ~np.isin(column, known)
        if unseen.any():
            raise ValueError(
                f"attribute {name!r} has the category {str(column[unseen][0])!r} in row {unseen.argmax()}, which did "
                f"not occur in training; known are {', '.join(known)}: leave such rows out"
            )
        return F.one_hot(torch.from_numpy(np.searchsorted(known, column)), len(known)).float()

    def attribute_of_columns(self) -> list[str]:
        """For each column of the inputs the attribute that it belongs to."""
        return [name for name, known in self.categories.items() for _ in known or [None]]

    def categorical_players(self) -> list[int]:
        """Numbers of the players that are categories."""
        return [player for player, known in enumerate(self.categories.values()) if known is not None]


def numbers(name: str, column: Shaped[np.ndarray, "row"]) -> Float[np.ndarray, "row"]:
    """Values of an attribute as numbers.

    Raises:
        ValueError: one of them is none.

    Example:
        >>> numbers("age", np.array(["39", "old"]))
        Traceback (most recent call last):
        ValueError: attribute 'age' has the value 'old' in row 1, which is no finite number
    """
    for row, value in enumerate(column):
        try:
            finite = np.isfinite(float(value))
        except ValueError:
            finite = False
        if not finite:
            raise ValueError(f"attribute {name!r} has the value {str(value)!r} in row {row}, which is no finite number")
    return column.astype(float)


def scale_of(values: Float[np.ndarray, "row"]) -> tuple[float, float]:
    """Mean and standard deviation, which is 1 of a constant."""
    return float(values.mean()), float(values.std()) or 1.0


def most_frequent(
    mean: Float[Tensor, "column"], players: Int[Tensor, "column"], categorical: list[int]
) -> Float[Tensor, "column"]:
    """The mean of all rows with the most frequent category in place of the categories' frequencies.

    Args:
        mean: of the rows; where columns are one-hot, it has the frequency of each category.
        players: the player of each column.
        categorical: the players whose columns are one-hot.

    Example:
        >>> most_frequent(torch.tensor([0.0, 0.3, 0.7]), torch.tensor([0, 1, 1]), [1])
        tensor([0., 0., 1.])
    """
    baseline = mean.clone()
    for player in categorical:
        one_hot = players == player
        baseline[one_hot] = F.one_hot(mean[one_hot].argmax(), int(one_hot.sum())).to(mean.dtype)
    return baseline


# ---- the tables ------------------------------------------------------------------------------------------------------


class Table(NamedTuple):
    """A table.

    Attributes:
        read: the rows of the part "train" or "test".
        categorical: its attributes that are categories.
        checksum: the sha256 of all its files together.
    """

    read: Callable[[Part], Rows]
    categorical: tuple[str, ...]
    checksum: Callable[[], str]


CENSUS_COLUMNS = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
)
# "fnlwgt" is how many people a row stands for, and "education" says in words what "education-num" says as a number.
CENSUS_LEFT_OUT = ("fnlwgt", "education", "income")
CENSUS_CATEGORICAL = (*("workclass", "marital-status", "occupation", "relationship", "race", "sex", "native-country"),)

# UCI features 1, 2, 4, 6, 8, 10, 12, 14, 16 and 4124.
COMMERCIAL_ATTRIBUTES = (
    "Shot_Length",
    *(
        f"{name}_Mean"
        for name in (
            *("Motion_Distribution", "Frame_Diff_Distribution", "Short_Time_Energy", "ZCR", "Spectral_Centroid"),
            *("Spectral_Roll_Off", "Spectral_Flux", "Fundamental_Frequency", "Edge_Change_Ratio"),
        )
    ),
)
CHANNELS = ("BBC", "NDTV")  # of the five that the data set has


def read_census(part: Part) -> Rows:
    """UCI Adult, or census income (Becker and Kohavi, 1996): 32,561 training and 16,281 test rows.

    The twelve attributes are those but `CENSUS_LEFT_OUT`; the class is whether the income is above 50,000 dollars.
    """
    file = {"train": "census/adult.data", "test": "census/adult.test"}[part]
    columns = parse(read_file(file).decode(), CENSUS_COLUMNS, CENSUS_COLUMNS, file)
    income = np.char.rstrip(columns["income"], ".")
    attributes = {name: column for name, column in columns.items() if name not in CENSUS_LEFT_OUT}
    return Rows(attributes, torch.from_numpy((income == ">50K").astype(np.int64)))


def read_commercial(part: Part) -> Rows:
    """UCI TV news (Guha et al., 2015), two channels: 34,771 shots; the class is whether a shot is of a commercial.

    There is no official test set: here it is the last fifth of each channel, because neighbouring shots are alike.
    """
    columns = {name: [] for name in (*COMMERCIAL_ATTRIBUTES, "label")}
    for channel in CHANNELS:
        file = f"commercial/{channel}.csv"
        of_channel = parse(read_file(file).decode(), None, tuple(columns), file)
        first = len(of_channel["label"]) * 4 // 5
        for name, column in of_channel.items():
            columns[name].append(column[:first] if part == "train" else column[first:])
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    labels = joined.pop("label")
    return Rows(joined, torch.from_numpy((labels == "1").astype(np.int64)))


def read_cancer(part: Part) -> Rows:
    """Five attributes of the 569 tumours that ship inside scikit-learn, and a sixth made a category; 1 is benign.

    The category is the size: small, medium or large, a third of the tumours each. Every fifth row is a test row.
    """
    bunch = cancer_of_sklearn()
    radius = bunch.data[:, 0]
    size = np.array(["small", "medium", "large"])[np.searchsorted(np.quantile(radius, [1 / 3, 2 / 3]), radius)]
    names = ("texture", "smoothness", "compactness", "concavity", "symmetry")
    of_file = bunch.feature_names.tolist()
    columns = {"size": size} | {name: bunch.data[:, of_file.index(f"mean {name}")].astype(str) for name in names}
    chosen = (np.arange(len(radius)) % 5 == 0) == (part == "test")
    return Rows(columns, torch.from_numpy(bunch.target.astype(np.int64))).chosen(chosen)


def cancer_of_sklearn():
    """The tumours as scikit-learn gives them."""
    from sklearn.datasets import load_breast_cancer  # takes a second to import, and only this needs it

    return load_breast_cancer()


def cancer_checksum() -> str:
    """The sha256 of the tumours."""
    return hashlib.sha256(cancer_of_sklearn().data.tobytes()).hexdigest()


TABLES = {
    "census": Table(read_census, CENSUS_CATEGORICAL, partial(checksum_of, "census/")),
    "commercial": Table(read_commercial, (), partial(checksum_of, "commercial/")),
    "cancer": Table(read_cancer, ("size",), cancer_checksum),
}
