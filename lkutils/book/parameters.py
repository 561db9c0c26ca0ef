"""The parameters of a chapter, read from its first code cell, and checks of what a user gives for them.

The cell is the one source of their names, types, defaults and ranges. A range stands in the comment, as "from 0 to 1"
(both ends included), "at least 0", "above 0", "at most 1" or "below 1"; two of them may be combined.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import papermill
import yaml

from lkutils.paper import paths
from lkutils.paper.experiments import find_experiment

PROFILES = ("paper", "smoke")
# What a parameter's annotation admits; the annotation is the text before "=" in a chapter's parameters cell.
TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}
# How each type is written on the command line (YAML 1.2, by which 1e-1 is a number and 010 is ten).
WRITTEN = {
    "int": re.compile(r"[-+]?\d+"),
    "float": re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\.inf|\.nan"),
    "bool": re.compile("true|false"),
}
NAMES_OF_GAMES = ("games", "followed")  # parameters that list games

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)"
BETWEEN = re.compile(rf"\bfrom {_NUMBER} to {_NUMBER}")
BOUND = re.compile(rf"\b(at least|above|at most|below) {_NUMBER}")
HOLDS = {"at least": operator.ge, "above": operator.gt, "at most": operator.le, "below": operator.lt}


def list_chapters() -> list[str]:
    """Names of all chapters, in the order of the book."""
    return sorted(path.stem for path in paths.NOTEBOOKS.glob("*.ipynb"))


def chapter_path(name: str) -> Path:
    """The source of a chapter.

    Raises:
        ValueError: unknown chapter; the message lists the known ones.
    """
    if name not in list_chapters():
        raise ValueError(f"unknown chapter {name!r}; known are {', '.join(list_chapters())}")
    return paths.NOTEBOOKS / f"{name}.ipynb"


def list_parameters(name: str) -> dict[str, dict[str, str]]:
    """The parameters of a chapter: ``type``, ``default`` and ``help`` of each, read from its parameters cell.

    Example:
        >>> list_parameters("01_sparsity")["tau_ratio"]["type"]
        'float'
    """
    inspected = papermill.inspect_notebook(str(chapter_path(name)))
    return {
        key: {"type": entry["inferred_type_name"], "default": entry["default"], "help": entry["help"]}
        for key, entry in inspected.items()
    }


def read_parameters(name: str, written: Mapping[str, str]) -> dict[str, Any]:
    """Values as people type them on the command line, by the types of the chapter's parameters.

    Raises:
        ValueError: a parameter that the chapter does not have, or a text that its type does not admit.

    Example:
        >>> read_parameters("01_sparsity", {"tau_ratio": "1e-1", "seed": "010", "games": "[mnist/mlp7]"})
        {'tau_ratio': 0.1, 'seed': 10, 'games': ['mnist/mlp7']}
    """
    known = list_parameters(name)
    check_names(name, written, known)
    values = {}
    for key, text in written.items():
        expected = known[key]["type"]
        try:
            values[key] = read_value(text, expected)
        except (ValueError, yaml.YAMLError) as error:
            hint = ", written [a, b]" if expected.startswith("list") else ""
            raise ValueError(f"{key}={text!r} should be of type {expected}{hint} ({known[key]['help']})") from error
    return values


def read_value(text: str, expected: str) -> Any:
    """A value of a type as annotations write it, from its text.

    Raises:
        ValueError: the text does not write such a value.
        yaml.YAMLError: a list that is not closed, and the like.

    Example:
        >>> read_value("[1, 010]", "list[int]"), read_value("1e-1", "float")
        ([1, 10], 0.1)
    """
    if expected.startswith("list["):
        items = yaml.load(text, yaml.BaseLoader)  # which leaves all scalars as text
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(f"{text!r} is no list")
        return [read_value(item, expected[5:-1]) for item in items]
    if expected == "str":
        return text
    if not WRITTEN[expected].fullmatch(text):
        raise ValueError(f"{text!r} is no {expected}")
    if expected == "bool":
        return text == "true"
    return int(text) if expected == "int" else float(text.replace(".inf", "inf").replace(".nan", "nan"))


def check_parameters(name: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that the chapter does not have, and values of the wrong type, out of range or unknown.

    Raises:
        ValueError: the message names the value, what was expected, and the known parameters or the help text.

    Example:
        >>> check_parameters("01_sparsity", {"tau_ratio": 2.0})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: tau_ratio=2.0 should lie between 0 and 1 (...)
    """
    known = list_parameters(name)
    check_names(name, parameters, known)
    for key, value in parameters.items():
        expected, text = known[key]["type"], known[key]["help"]
        if not has_type(value, expected):
            raise ValueError(f"{key}={value!r} should be of type {expected} ({text}), but is {type(value).__name__}")
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int | float) and (wanted := missed_range(number, text)):
                raise ValueError(f"{key}={value!r} should {wanted} ({text})")
    if parameters.get("profile", "paper") not in PROFILES:
        raise ValueError(f"unknown profile {parameters['profile']!r}; known are {', '.join(PROFILES)}")
    for game in [game for key in NAMES_OF_GAMES for game in parameters.get(key, [])]:
        find_experiment(game)


def check_given(name: str, variables: Mapping[str, Any]) -> None:
    """Check a chapter's parameters from within it, for readers who run it with papermill or by hand.

    Args:
        name: of the chapter.
        variables: its ``globals()``.

    Raises:
        ValueError: as `check_parameters` does.

    Example:
        >>> check_given("01_sparsity", {"tau_ratio": 0.1, "seed": 0, "something_else": None})
    """
    known = list_parameters(name)
    check_parameters(name, {key: variables[key] for key in known if key in variables})


def check_names(name: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse parameters that a chapter does not have."""
    for key in given:
        if key not in known:
            raise ValueError(f"chapter {name} has no parameter {key!r}; it has {', '.join(known)}")


def missed_range(value: int | float, text: str) -> str | None:
    """What a number should be by the range that a comment gives, in words; None when it is.

    Example:
        >>> missed_range(1, "above 0 and below 1"), missed_range(1, "from 0 to 1"), missed_range(-1, "from 0 to 1")
        ('be below 1', None, 'lie between 0 and 1')
    """
    for low, high in BETWEEN.findall(text):
        if not float(low) <= value <= float(high):
            return f"lie between {low} and {high}"
    for word, bound in BOUND.findall(text):
        if not HOLDS[word](value, float(bound)):
            return f"be {word} {bound}"
    return None if math.isfinite(value) else "be a finite number"


def has_type(value: Any, expected: str) -> bool:
    """Whether a value is of a type as annotations write it: "int", "list[str]", ...

    Example:
        >>> has_type(["mnist/mlp7"], "list[str]"), has_type(True, "int")
        (True, False)
    """
    if expected.startswith("list["):
        return isinstance(value, list) and all(has_type(item, expected[5:-1]) for item in value)
    return isinstance(value, TYPES[expected]) and (expected == "bool" or not isinstance(value, bool))
