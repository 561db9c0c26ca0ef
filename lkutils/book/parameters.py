"""The parameters of a chapter, read from its first code cell, and checks of what a user gives for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import papermill

from lkutils.paper import paths

PROFILES = ("paper", "smoke")
# What a parameter's annotation admits; the annotation is the text before "=" in a chapter's parameters cell.
TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}
RANGE = re.compile(r"\bfrom (?P<low>[-+.\de]+) to (?P<high>[-+.\de]+)")


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


def check_parameters(name: str, parameters: dict[str, Any]) -> None:
    """Refuse parameters that the chapter does not have, or whose value has the wrong type or is out of range.

    A range is what the parameter's comment says: "from 0 to 1".

    Raises:
        ValueError: the message names the value, what was expected, and the known parameters or the help text.
    """
    known = list_parameters(name)
    for key, value in parameters.items():
        if key not in known:
            raise ValueError(f"chapter {name} has no parameter {key!r}; it has {', '.join(known)}")
        expected, text = known[key]["type"], known[key]["help"]
        if not has_type(value, expected):
            raise ValueError(f"{key}={value!r} should be of type {expected} ({text}), but is {type(value).__name__}")
        bounds = RANGE.search(text)
        if bounds and not float(bounds["low"]) <= value <= float(bounds["high"]):
            raise ValueError(f"{key}={value!r} should lie between {bounds['low']} and {bounds['high']} ({text})")
    check_profile(parameters.get("profile", "paper"))


def check_profile(profile: str) -> None:
    """Refuse an unknown profile."""
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; known are {', '.join(PROFILES)}")


def has_type(value: Any, expected: str) -> bool:
    """Whether a value is of a type as annotations write it: "int", "list[str]", ...

    Example:
        >>> has_type(["mnist/mlp7"], "list[str]"), has_type(True, "int")
        (True, False)
    """
    if expected.startswith("list["):
        return isinstance(value, list) and all(has_type(item, expected[5:-1]) for item in value)
    return isinstance(value, TYPES[expected]) and (expected == "bool" or not isinstance(value, bool))
