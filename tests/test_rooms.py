"""Who may import whom: a room imports lower ones only, and no more of other packages than its dependencies."""

import ast
import itertools
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lkutils.paper import paths

# Floors from the lowest on; what stands on one floor does not import its neighbours.
FLOORS = [{"core"}, {"figures", "claims", "paper"}, {"book"}]
LAZY = {("lkutils/__init__.py", "figures")}  # `lk.plot` imports figures when it is first used
# Where they have other names.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml", "IPython": "ipython", "PIL": "pillow"}
# The extras that each room needs besides the core's dependencies.
EXTRAS = {"core": [], "claims": [], "figures": ["plot"], "paper": ["paper"], "book": ["plot", "paper", "book"]}

# shapiq is imported by the one function that hands over to it; pandas comes with xarray.
OPTIONAL = {"lkutils/follow.py": {"shapiq", "pandas"}}

FILES = sorted(path.relative_to(paths.ROOT) for path in (paths.ROOT / "lkutils").rglob("*.py"))


def room_of(parts):
    """The room of a file or module, from its path below lkutils: core unless it lies in a folder of its own."""
    if parts in (["__main__.py"], ["__main__"]):
        return "book"
    return parts[0] if parts and parts[0] in EXTRAS else "core"


def imports(code, package):
    """Full names of all that a module imports, also inside functions and under conditions."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "lkutils" else [module]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (ast.literal_eval(value) for value in node.args[:1])


def wrong_imports(file, code):
    """The rooms that a file imports and must not."""
    room = room_of(list(file.parts[1:]))
    below = set().union(*FLOORS[: next(k for k, floor in enumerate(FLOORS) if room in floor)])
    names = [name for name in imports(code, list(file.parts[:-1])) if name.split(".")[0] == "lkutils"]
    rooms = {room_of(name.split(".")[1:]) for name in names if name != "lkutils"}
    return {other for other in rooms - below - {room} if (file.as_posix(), other) not in LAZY}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_rooms_import_lower_ones_only(file):
    assert wrong_imports(file, (paths.ROOT / file).read_text()) == set()


@pytest.mark.parametrize(
    ("file", "code", "wrong"),
    [
        ("lkutils/metrics.py", "from lkutils import mobius", set()),
        ("lkutils/metrics.py", "def f():\n    from lkutils.figures import style", {"figures"}),
        ("lkutils/metrics.py", "from lkutils import paper", {"paper"}),
        ("lkutils/metrics.py", "from . import paper", {"paper"}),
        ("lkutils/metrics.py", "import importlib\nimportlib.import_module('lkutils.paper.shipped')", {"paper"}),
        ("lkutils/figures/layers.py", "from ..paper import shipped\nimport lkutils.claims.layers", {"paper", "claims"}),
        ("lkutils/figures/layers.py", "from .style import x\nfrom lkutils.games import Label", set()),
        ("lkutils/claims/layers.py", "if False:\n    import lkutils.book.pages as p", {"book"}),
        ("lkutils/paper/making.py", "import lkutils.__main__", {"book"}),
        ("lkutils/__main__.py", "from lkutils.book import pages\nfrom lkutils.figures import style", set()),
    ],
)
def test_wrong_imports_are_seen(file, code, wrong):
    assert wrong_imports(Path(file), code) == wrong


@pytest.mark.parametrize("file", FILES, ids=str)
def test_other_packages_are_dependencies_of_the_room(file):
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
    room = room_of(list(file.parts[1:]))
    extras = itertools.chain(*(project["optional-dependencies"][extra] for extra in EXTRAS[room]))
    allowed = {Requirement(name).name for name in [*project["dependencies"], *extras]}
    names = {name.split(".")[0] for name in imports((paths.ROOT / file).read_text(), list(file.parts[:-1]))}
    others = {DISTRIBUTIONS.get(name, name) for name in names - sys.stdlib_module_names - {"lkutils"}}
    assert others - OPTIONAL.get(file.as_posix(), set()) <= allowed


# Not one of these is worth the wait of somebody who only wants the core.
HEAVY = ["transformers", "torchvision", "matplotlib", "scipy", "sklearn", "papermill", "jupyter_book"]


@pytest.mark.parametrize("module", ["lkutils", "lkutils.claims.registry"])
def test_importing_the_core_pulls_in_nothing_heavy(module):
    code = f"import sys, {module}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=paths.ROOT)
    assert ran.stdout.split() == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package as it is installed from a wheel: none of the repository's other files is around it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(paths.ROOT / "lkutils", source / "lkutils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(paths.ROOT / name, source)
    build = "from setuptools import build_meta; print(build_meta.build_wheel('..'))"
    subprocess.run([sys.executable, "-c", build], check=True, cwd=source, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site-packages")
    return folder / "site-packages"


DRAW = """
import lkutils, lkutils.figures, lkutils.claims.registry, lkutils.paper.shipped, lkutils.book.pages, lkutils.__main__
from lkutils.figures import style
from lkutils.paper import paths
figure, axes = style.in_style(style.panels)(2)
figure.savefig("figure.png")
print(lkutils.__file__, paths.ROOT, len(lkutils.paper.shipped.game_names("paper")), sep="\\n")
"""


@pytest.mark.parametrize("place", ["elsewhere", "repository"])
def test_it_works_when_it_is_installed_without_the_repository(installed, tmp_path, place):
    """From anywhere, figures are drawn; from a folder inside the repository, its games are found as well."""
    folder = tmp_path / place
    (folder / "inside").mkdir(parents=True)
    if place == "repository":
        (folder / "_config.yml").touch()
        (folder / "data" / "games" / "mnist").mkdir(parents=True)
        shutil.copy(paths.GAMES / "mnist" / "mlp7.nc", folder / "data" / "games" / "mnist")
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1", "MPLBACKEND": "agg"}
    command = [sys.executable, "-c", DRAW]
    ran = subprocess.run(command, cwd=folder / "inside", env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    file, root, count = ran.stdout.splitlines()
    assert file.startswith(str(installed))
    assert (folder / "inside" / "figure.png").stat().st_size > 1000
    assert (root, count) == ((str(folder), "1") if place == "repository" else (str(folder / "inside"), "0"))
