"""What a chapter depends on, as one hash: with the same key, running it again changes nothing."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from lkutils.book.parameters import NAMES_OF_GAMES, chapter_path
from lkutils.paper import experiments, paths
from lkutils.paper.files import CHECKSUMS, find_file

LAZY = {"lkutils.plot": "lkutils.figures"}  # names of the package that are imported when they are first used


def content_key(name: str, given: dict[str, Any]) -> str:
    """One hash of everything that a chapter's results depend on.

    That is its source and parameters, the files of lkutils that it imports (and that these import, also inside
    functions), the shipped games that it can read, the measurements of `make bench` if it shows them, the locked
    versions, and which files of the data sets are at hand (with them, real images are drawn).
    Games that are made from scratch are known once they were read: see `files_read`.
    """
    source = chapter_path(name)
    code = code_of(source)
    files = {source, *imported_files(code), *readable_games(given), paths.ROOT / "requirements.lock"}
    if "paths.MEASURED" in code:
        files.add(paths.MEASURED)
    facts = {"given": given, "at hand": sorted(filter(find_file, CHECKSUMS))}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for file in sorted(files):
        digest.update(f"{file.relative_to(paths.ROOT)} {file_digest(file)}\n".encode())
    return digest.hexdigest()


def readable_games(given: dict[str, Any]) -> list[Path]:
    """The shipped games that a chapter with these parameters can read, with all shipped interactions.

    Games of the smoke profile are made by code that the chapter imports, and nothing is shipped for them; which of them
    were read is written down when the chapter has run.
    """
    named = [experiments.find_experiment(game) for key in NAMES_OF_GAMES for game in given.get(key, [])]
    if given.get("games"):
        shipped = [experiments.game_path(one) for one in named if one.profile == "paper"]
    elif given.get("profile", "paper") == "paper":
        shipped = [path for path in paths.GAMES.rglob("*.nc") if path.parent != paths.GAMES / "interactions"]
    else:
        shipped = []
    found = [path for path in shipped if path.exists()]
    return [*found, *(paths.GAMES / "interactions").glob("*.nc")] if found else []


def code_of(source: Path) -> str:
    """The code of a notebook."""
    return "\n".join(cell.source for cell in nbformat.read(source, as_version=4).cells if cell.cell_type == "code")


def imported_files(code: str) -> set[Path]:
    """The files of lkutils that a notebook's code imports, directly or through others.

    With a module come the ``__init__`` files of all packages that it lies in, and the data files that lie beside it.
    """
    found: set[Path] = set()
    waiting = list(modules_in(code))
    while waiting:
        for file in files_of(waiting.pop()):
            if file not in found:
                found.add(file)
                if file.suffix == ".py":
                    waiting.extend(modules_in(file.read_text(), *place_of(file)))
    return found


def place_of(file: Path) -> tuple[str, bool]:
    """The package of a module, by which its relative imports go, and whether it is lkutils itself."""
    package = ".".join(file.parent.relative_to(paths.ROOT).parts)
    return package, file == paths.ROOT / "lkutils" / "__init__.py"


def modules_in(code: str, package: str = "", is_face: bool = False) -> Iterator[str]:
    """The names, from "lkutils" on, of all that a piece of code imports from the package; not all of them are modules.

    Args:
        code: of a module or notebook.
        package: what relative imports in it start from.
        is_face: it is that of ``lkutils/__init__.py``, whose lazy imports matter only to those who use the name.

    Example:
        >>> list(modules_in("import lkutils as lk; lk.plot"))
        ['lkutils', 'lkutils.plot']
    """
    tree = ast.parse(code)
    nodes = list(tree.body if is_face else ast.walk(tree))
    aliases = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            for name, bound in ((alias.name, alias.asname) for alias in node.names if inside(alias.name)):
                aliases[bound or "lkutils"] = name if bound else "lkutils"
        else:
            continue
        yield from filter(inside, names)
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield f"{aliases[node.value.id]}.{node.attr}"


def inside(name: str) -> bool:
    """Whether a name belongs to lkutils."""
    return name == "lkutils" or name.startswith("lkutils.")


def files_of(name: str) -> Iterator[Path]:
    """The files behind an imported name: its module, the packages around it and their data files."""
    if name in LAZY:
        folder = paths.ROOT.joinpath(*LAZY[name].split("."))
        yield from (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        name = LAZY[name]
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        path = paths.ROOT.joinpath(*parts[:length])
        if path.is_dir():
            yield from (file for file in path.iterdir() if file.is_file() and file.suffix not in (".py", ".pyc"))
        yield from (file for file in (path / "__init__.py", path.with_suffix(".py")) if file.exists())


# ---- executed chapters -----------------------------------------------------------------------------------------------


def executed_key(path: Path) -> str | None:
    """The content key in an executed chapter; None where it has to be run.

    That is where there is none, where it is damaged (one line on stderr says so), and where a game that was made from
    scratch, and that it has read, is another one now.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_bytes())
        own = content["metadata"]["lkutils"]
        key, read, digest = own["key"], own["read"], own["sha256"]
    except (ValueError, LookupError, TypeError):  # no JSON, or none that was written here
        key, read, digest = None, {}, None
    if digest is None or digest != digest_of(content):
        print(f"{path} is damaged or no executed chapter (run again now)", file=sys.stderr)
        return None
    return key if read == {name: file_digest(paths.ROOT / name) for name in read} else None


def write_digest(path: Path) -> None:
    """Write into an executed chapter what its content hashes to, by which damage is noticed."""
    content = json.loads(path.read_bytes())
    content["metadata"]["lkutils"]["sha256"] = digest_of(content)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def digest_of(content: dict) -> str:
    """The sha256 of a notebook but for the hash itself."""
    metadata = content["metadata"]
    own = {name: value for name, value in metadata["lkutils"].items() if name != "sha256"}
    whole = content | {"metadata": metadata | {"lkutils": own}}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def files_read(log: Path) -> dict[str, str | None]:
    """The files that a chapter has read, by a list of them, with what they hash to now."""
    named = sorted(set(log.read_text().split("\n")) - {""}) if log.exists() else []
    return {str(Path(name).relative_to(paths.ROOT)): file_digest(Path(name)) for name in named}


def file_digest(path: Path) -> str | None:
    """The sha256 of a file's content; None of one that does not exist."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
