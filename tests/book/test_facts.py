import time

from lkutils.book.facts import run_facts
from lkutils.paper import provenance


def test_the_facts_of_a_run_are_a_table():
    started = time.perf_counter() - 2
    lines = run_facts(started, 0.00456).data.splitlines()
    assert lines[:2] == ["| Fact | Value |", "|---|---|"]
    facts = dict(line.strip("| ").split(" | ") for line in lines[2:])
    assert facts["Seconds"].startswith("2 ")
    assert facts["Largest certified gap"] == "0.46%"
    assert facts["Commit"] == provenance.git_hash()
    assert facts["Machine"] == provenance.machine()
