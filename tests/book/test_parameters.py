import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lkutils.book import parameters
from lkutils.paper import paths

CELL = """\
profile: str = "paper"  # paper or smoke
size: int = 3  # how large, from 1 to 9
games: list[str] = []  # such as [mnist/mlp7]
rates: list[float] = []  # of a descent, above 0
share: float = 0.5  # of all, above this share nothing is lost, at least 0 and below 1
free: float = 0.5  # any number at all
"""


@pytest.fixture(autouse=True)
def chapter(tmp_path, monkeypatch):
    """A chapter named tiny."""
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell(CELL, metadata={"tags": ["parameters"]})]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "tiny.ipynb")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bogus": 1}, "no parameter 'bogus'; it has profile, size, games"),
        ({"size": "large"}, r"size='large' should be of type int \(how large, from 1 to 9\), but is str"),
        ({"size": True}, "size=True should be of type int"),
        ({"size": 2.5}, "size=2.5 should be of type int"),
        ({"size": 10}, "size=10 should lie between 1 and 9"),
        ({"size": 0}, "size=0 should lie between 1 and 9"),
        ({"games": [1]}, r"games=\[1\] should be of type list\[str\]"),
        ({"games": ["mnist/mlp7", "mnist/none"]}, "unknown game 'mnist/none'; known are mnist/mlp7"),
        ({"rates": [0.1, 0.0]}, r"rates=\[0.1, 0.0\] should be above 0"),
        ({"share": 1.0}, "share=1.0 should be below 1"),
        ({"share": -0.1}, "share=-0.1 should be at least 0"),
        ({"share": float("nan")}, "share=nan should be at least 0"),
        ({"free": float("nan")}, "free=nan should be a finite number"),
        ({"free": float("inf")}, "free=inf should be a finite number"),
        ({"profile": "huge"}, "unknown profile 'huge'; known are paper, smoke"),
    ],
)
def test_wrong_parameters_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        parameters.check_parameters("tiny", given)


@pytest.mark.parametrize(
    "given", [{"size": 1}, {"size": 9}, {"share": 0}, {"share": 0.999}, {"free": -1e9}, {"games": ["mnist/mlp7"]}]
)
def test_what_is_announced_is_accepted(given):
    parameters.check_parameters("tiny", given)


def test_a_chapter_checks_what_it_was_given_by_hand():
    variables = {"size": 3, "share": 0.2, "profile": "smoke", "other": object()}
    parameters.check_given("tiny", variables)
    with pytest.raises(ValueError, match="size=11 should lie between 1 and 9"):
        parameters.check_given("tiny", variables | {"size": 11})


@pytest.mark.parametrize(
    ("value", "expected", "fits"),
    [
        (1, "float", True),
        (1.0, "int", False),
        (True, "bool", True),
        (1, "bool", False),
        (["a"], "list[str]", True),
        ("a", "list[str]", False),
        ([1, 2], "list[int]", True),
    ],
)
def test_types_as_annotations_write_them(value, expected, fits):
    assert parameters.has_type(value, expected) is fits


@pytest.mark.parametrize(
    ("text", "expected", "value"),
    [
        ("010", "int", 10),
        ("-1", "int", -1),
        ("1e-1", "float", 0.1),
        (".5", "float", 0.5),
        ("2", "float", 2.0),
        ("true", "bool", True),
        ("smoke", "str", "smoke"),
        ("[a/b, c/d]", "list[str]", ["a/b", "c/d"]),
        ("[]", "list[int]", []),
        ("[1e-5, 1]", "list[float]", [1e-5, 1.0]),
        ('["1", 2]', "list[int]", [1, 2]),
    ],
)
def test_values_are_read_as_people_type_them(text, expected, value):
    read = parameters.read_value(text, expected)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("size", "1.0"),
        ("size", "yes"),
        ("size", "0x10"),
        ("size", "1_0"),
        ("share", "nan"),
        ("share", "%5"),
        ("share", "\t0.1"),
        ("share", ""),
        ("share", "None"),
        ("games", "[mnist/mlp7"),
        ("games", "*"),
        ("games", "@mnist"),
        ("games", "mnist/mlp7"),
        ("games", "a,b"),
        ("games", "{a: b}"),
        ("games", "[[a]]"),
        ("games", "[a, &b"),
        ("rates", "[0.1, x]"),
    ],
)
def test_text_of_another_type_gets_one_clear_line(key, text):
    with pytest.raises(ValueError, match=rf"^{key}=.* should be of type \S+") as caught:
        parameters.read_parameters("tiny", {key: text})
    assert "\n" not in str(caught.value)


def test_a_parameter_that_does_not_exist_is_refused_as_text_as_well():
    with pytest.raises(ValueError, match="no parameter 'bogus'"):
        parameters.read_parameters("tiny", {"bogus": "1"})
