"""What a published book has besides its pages' content."""

import importlib.util
import subprocess
from types import SimpleNamespace

import pytest
from docutils import nodes

from lkutils.paper import paths


@pytest.fixture
def published():
    spec = importlib.util.spec_from_file_location("published", paths.BOOK / "_ext" / "published.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_launch_buttons_need_an_address(published, monkeypatch):
    config = SimpleNamespace(html_baseurl="", html_theme_options={"kept": True})
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    published.add_address(None, config)
    assert vars(config) == {"html_baseurl": "", "html_theme_options": {"kept": True}}
    monkeypatch.setenv("GITHUB_REPOSITORY", "Someone/a-book")
    published.add_address(None, config)
    assert config.html_baseurl == "https://someone.github.io/a-book/"
    assert config.html_theme_options["repository_url"] == "https://github.com/Someone/a-book"
    assert config.html_theme_options["kept"]


def test_a_description_is_the_first_paragraph_of_some_length(published):
    page = nodes.section("", nodes.paragraph(text="Short."), nodes.paragraph(text="A sentence  of\nmany words. " * 20))
    told = published.description(page)
    assert told.startswith("A sentence of many words. A sentence")
    assert told.endswith(" …")
    assert len(told) <= published.LENGTH + 2
    assert published.description(nodes.section("", nodes.paragraph(text="Short."))) == ""


def test_the_last_change_is_that_of_the_chapter_a_page_was_made_of(published, tmp_path):
    def commit(day, *names):
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / name).write_text(day)
        date = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z", "HOME": str(tmp_path)}
        for command in (["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "x"]):
            subprocess.run(["git", *command], cwd=tmp_path, env=date, check=True)

    page, made = tmp_path / "book" / "page.md", tmp_path / "book" / "notebooks" / "one.ipynb"
    assert published.last_change(page) == ""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    commit("2024-01-01", "notebooks/one.ipynb", "book/page.md")
    commit("2024-02-02", "notebooks/one.ipynb")
    assert published.last_change(page) == "2024-01-01"
    assert published.last_change(made) == "2024-02-02"
