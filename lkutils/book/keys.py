"""What a chapter depends on, as one hash: with the same key, running it again changes nothing."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from lkutils.book.parameters import chapter_path
from lkutils.paper import paths


def content_key(name: str, given: dict[str, Any]) -> str:
    """One hash of everything that a chapter's results depend on.

    That is its source and parameters, the lkutils modules that it imports (and those that they import), the shipped
    games, the measurements of `make bench`, the figures' style and the locked versions.
    """
    source = chapter_path(name)
    games = sorted(paths.GAMES.rglob("*.nc"))
    locked = paths.ROOT / "requirements.lock"
    files = [source, *imported_modules(source), *games, paths.MEASURED, locked]
    digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    for file in files:
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def imported_modules(source: Path) -> list[Path]:
    """The files of all lkutils modules that a notebook imports, directly or through others."""
    cells = nbformat.read(source, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    found: set[Path] = set()
    waiting = list(imports_in(code))
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(imports_in(module.read_text()))
    return sorted(found)


def imports_in(code: str) -> Iterator[Path]:
    """The files of the lkutils modules that a piece of code names in its import statements."""
    package = paths.ROOT / "lkutils"
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        files = (
            package / f"{name.removeprefix('lkutils.').replace('.', '/')}.py"
            for name in names
            if name.startswith("lkutils.")
        )
        yield from (file for file in files if file.exists())


def executed_key(path: Path) -> str | None:
    """The content key in an executed chapter; None when there is no such chapter."""
    if not path.exists():
        return None
    return json.loads(path.read_text())["metadata"].get("lkutils", {}).get("key")
