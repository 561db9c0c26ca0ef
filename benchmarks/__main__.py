"""Run all benchmarks, print their tables, and write results.md (for people) and results.json (for plots)."""

import json
import platform
import re
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks import bench_extraction, bench_masking, bench_mobius, bench_rivals
from lkutils.paper import paths

# Title of a table -> the function that measures its rows, each a dict of column and value.
BENCHMARKS = {
    "Möbius transform": bench_mobius.main,
    "Masking": bench_masking.main,
    "Extraction: exact against subgradient descent": bench_extraction.against_sgd,
    "Extraction: beside a general solver": bench_rivals.main,
    "Extraction: gap over time": bench_extraction.gap_over_time,
    "Extraction: cost over players": bench_extraction.cost_over_players,
    "Extraction: cost over problems": bench_extraction.cost_over_problems,
}


def main() -> None:
    """Measure everything."""
    facts, tables = describe_machine(), {}
    page = ["# Benchmarks", "", *(f"- {what}: {value}" for what, value in facts.items())]
    for title, measure in BENCHMARKS.items():
        start = time.perf_counter()
        tables[title] = measure()
        page += ["", f"## {title}", "", *table_lines(tables[title])]
        print("\n".join(page[-len(tables[title]) - 4 :]), f"\n({time.perf_counter() - start:.0f} s)\n", flush=True)
    paths.MEASURED.with_suffix(".md").write_text("\n".join(page) + "\n")
    paths.MEASURED.write_text(json.dumps({"machine": facts, "tables": tables}, indent=1) + "\n")
    print(f"Written: {paths.MEASURED.with_suffix('.md')} and results.json")


def describe_machine() -> dict[str, str]:
    """Where and with what the numbers were measured."""
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "date": date.today().isoformat(),
        "processor": f"{cpu[1] if cpu else platform.machine()}, {torch.get_num_threads()} threads",
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy", "shapiq")),
    }


def table_lines(rows: list[dict]) -> list[str]:
    """A table in Markdown."""
    columns = list(rows[0])
    body = [[formatted(row[column]) for column in columns] for row in rows]
    return ["| " + " | ".join(cells) + " |" for cells in (columns, ["---"] * len(columns), *body)]


def formatted(value: float | str) -> str:
    """Three digits of a number."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    main()
