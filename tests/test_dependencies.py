"""pyproject.toml, requirements.lock and environment.yml agree."""

import itertools
import re
import tomllib

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lkutils.paper import paths


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def direct(project):
    names = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    return {canonicalize_name(Requirement(name).name): Requirement(name) for name in names}


@pytest.fixture(scope="module")
def lock():
    """Package -> list of blocks (a package may have one version for each range of Python versions)."""
    text = (paths.ROOT / "requirements.lock").read_text()
    blocks = {}
    for block in re.split(r"\n(?=[a-z0-9])", text):
        head = block.splitlines()[0].rstrip(" \\")
        blocks.setdefault(canonicalize_name(re.match(r"[A-Za-z0-9._-]+", head)[0]), []).append((head, block))
    return blocks


def test_every_direct_dependency_is_locked_to_a_version_it_allows(direct, lock):
    for name, requirement in direct.items():
        assert name in lock, f"{name} is in pyproject.toml but not in requirements.lock; run `make lock`"
        for head, _ in lock[name]:
            version = Version(re.search(r"==([^ ;]+)", head)[1])
            assert requirement.specifier.contains(version, prereleases=True), f"{head} breaks {requirement}"


def test_the_lock_was_made_from_the_present_dependencies(direct, lock):
    asked_for = {name for name, blocks in lock.items() if any("lkutils (pyproject.toml)" in b for _, b in blocks)}
    assert asked_for == set(direct), "requirements.lock is older than pyproject.toml; run `make lock`"


def test_every_locked_package_has_hashes_and_nothing_names_a_host(lock):
    for name, blocks in lock.items():
        assert all("--hash=sha256:" in block for _, block in blocks), f"{name} has no hash"
    assert "://" not in (paths.ROOT / "requirements.lock").read_text()


def test_the_lock_covers_all_supported_versions_of_python(lock):
    for minor in (11, 12, 13):
        environment = {"python_full_version": f"3.{minor}.1", "python_version": f"3.{minor}", "sys_platform": "linux"}
        heads = [head for head, _ in lock["numpy"]]
        markers = [Marker(head.split(";")[1].strip()) if ";" in head else None for head in heads]
        fitting = [
            head for head, marker in zip(heads, markers, strict=True) if not marker or marker.evaluate(environment)
        ]
        assert len(fitting) == 1, f"numpy on Python 3.{minor}: {fitting}"


def test_conda_installs_the_lock_on_a_supported_python(project):
    environment = yaml.safe_load((paths.ROOT / "environment.yml").read_text())
    python = next(entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == ["-r requirements.lock"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(python.removeprefix("python="))
