"""What runs elsewhere: the workflows and hooks call only what exists here."""

import json
import re
import shlex

import pytest
import yaml

from lkutils.paper import paths

WORKFLOWS = sorted((paths.ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([\w-]+):", (paths.ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_targets_that_exist(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"]["contents"] == "read"
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    commands = [shlex.split(line) for step in steps for line in step.get("run", "").splitlines()]
    assert commands
    for program, *targets in commands:
        assert program == "make"
        assert targets
        assert set(targets) <= TARGETS


def test_each_workflow_is_there():
    assert [path.stem for path in WORKFLOWS] == ["book", "tests", "weekly"]


def test_hooks_call_what_the_tests_call():
    hooks = yaml.safe_load((paths.ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    makefile = (paths.ROOT / "Makefile").read_text()
    for hook in hooks:
        program, *arguments = shlex.split(hook["entry"])
        assert program in (".venv/bin/ruff", ".venv/bin/python")
        if program.endswith("ruff"):
            assert f"$(BIN)/ruff {' '.join(arguments)} ." in makefile
        else:
            assert (paths.ROOT / arguments[-1]).exists()


def test_zenodo_and_citation_name_the_same():
    zenodo = json.loads((paths.ROOT / ".zenodo.json").read_text())
    citation = yaml.safe_load((paths.ROOT / "CITATION.cff").read_text())
    assert zenodo["title"] == citation["title"]
    assert zenodo["license"] == citation["license"]
    assert zenodo["related_identifiers"][0]["identifier"] == citation["preferred-citation"]["identifiers"][0]["value"]
