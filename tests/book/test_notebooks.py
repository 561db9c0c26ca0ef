"""The pattern that all chapters follow; that they run is checked by nbval (`make test`)."""

import ast
import re
from collections import Counter

import nbformat
import pytest

from lkutils.book import parameters
from lkutils.paper import paths

NAMES = parameters.list_chapters()


def read(name):
    return nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", as_version=4)


def code_of(name):
    return "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "code")


def figure_names(name):
    figures = [cell.metadata.get("mystnb", {}).get("figure") for cell in read(name).cells]
    return [figure["name"] for figure in figures if figure]


@pytest.mark.parametrize("name", NAMES)
def test_source_has_no_outputs_and_a_kernel(name):
    notebook = read(name)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_typed_and_explained(name):
    listed = parameters.list_parameters(name)
    assert "profile" in listed
    for key, parameter in listed.items():
        assert parameter["type"] != "None", f"{key} needs a type"
        assert len(parameter["help"]) > 10, f"{key} needs a comment"


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_in_the_ranges_that_are_announced(name):
    listed = parameters.list_parameters(name)
    defaults = {key: ast.literal_eval(entry["default"]) for key, entry in listed.items()}
    parameters.check_parameters(name, defaults)
    numbers = [entry for entry in listed.values() if re.search("int|float", entry["type"])]
    ranges = (parameters.BETWEEN, parameters.BOUND)
    assert [e["help"] for e in numbers if not any(given.search(e["help"]) for given in ranges)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_checks_its_parameters_itself(name):
    assert f'check_given("{name}", globals())' in code_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_tables_and_names_are_made_by_the_library(name):
    for typed in ("|---", 'split("/")', "startswith("):
        assert typed not in code_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_chapter_has_the_parts_that_readers_look_for(name):
    headings = [cell.source for cell in read(name).cells if cell.cell_type == "markdown"]
    text = "\n".join(headings)
    assert text.startswith("# ")
    for part in ("**The claim", "## Parameters", "## What we found", "## Run facts"):
        assert part in text


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_a_caption_and_a_name(name):
    drawing = [
        cell for cell in read(name).cells if re.search(r"^(figures\w*|lk\.plot)\.\w+\(", cell.source, re.MULTILINE)
    ]
    assert drawing
    for cell in drawing:
        figure = cell.metadata["mystnb"]["figure"]
        assert figure["name"].startswith("fig-")
        assert len(figure["caption"]) > 20


def test_no_two_figures_share_a_name():
    counts = Counter(name for chapter in NAMES for name in figure_names(chapter))
    assert max(counts.values()) == 1


def test_every_chapter_is_in_the_table_of_contents():
    contents = (paths.BOOK / "_toc.yml").read_text()
    assert [name for name in NAMES if f"notebooks/{name}\n" not in contents] == []
