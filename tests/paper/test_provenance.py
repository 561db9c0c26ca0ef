import os
import subprocess

import pytest

from lkutils.paper import paths, provenance


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of another project, with one commit."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    other = tmp_path / "other"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    subprocess.run(["git", "-C", str(other), *identity, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    return other


def test_the_commit_is_that_of_the_repository(clone, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", clone)
    command = ["git", "-C", str(clone), "rev-parse", "--short", "HEAD"]
    assert provenance.git_hash() == subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_shell_cannot_name_another_repository(clone, monkeypatch):
    before = provenance.git_hash()
    monkeypatch.setenv("GIT_DIR", str(clone / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(clone))
    assert provenance.git_hash() == before


def test_a_folder_inside_another_clone_has_no_commit(clone, monkeypatch):
    (clone / "inside").mkdir()
    monkeypatch.setattr(paths, "ROOT", clone / "inside")
    assert provenance.git_hash() == "unknown"


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "/no/such/folder")
    assert provenance.git_hash() == "unknown"


def test_a_package_that_is_not_installed_has_no_version():
    assert provenance.version("no-such-package-anywhere") == "unknown"


def test_the_root_is_the_repository_around_the_package_or_around_the_current_directory(tmp_path):
    project = tmp_path / "project"
    (project / "data" / "games").mkdir(parents=True)
    (project / "_config.yml").touch()
    (project / "notebooks").mkdir()
    assert paths.repository(tmp_path / "site-packages", project / "notebooks") == project
    assert paths.repository(project / "lkutils", tmp_path) == project
    assert paths.repository(tmp_path / "site-packages", tmp_path) is None
