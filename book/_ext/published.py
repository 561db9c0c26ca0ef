"""What a published book has: descriptions, a social card, each page's last change, and buttons that launch chapters.

The address comes from ``GITHUB_REPOSITORY`` (owner/name), which GitHub's workflows set. Without it there are neither
launch buttons nor addresses in the social card.
"""

from __future__ import annotations

import html
import os
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

CARD, LENGTH = "_static/cover.png", 200  # characters of a description
LAUNCH = {"binderhub_url": "https://mybinder.org", "colab_url": "https://colab.research.google.com"}


def add_address(app: Sphinx, config: Config) -> None:
    """Launch buttons, the repository and the base of the pages' addresses, where the repository is known."""
    repository = os.environ.get("GITHUB_REPOSITORY")
    if repository:
        owner, name = repository.split("/")
        config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"
        # The branch has the chapters with a first cell that installs the library: lkutils/book/launch.py.
        config.html_theme_options |= {
            "repository_url": f"https://github.com/{repository}",
            "repository_branch": "launch",
            "path_to_docs": "",
            "use_repository_button": True,
            "launch_buttons": LAUNCH,
        }


def description(doctree: nodes.document) -> str:
    """The first paragraph of a page, or its beginning."""
    paragraph = next((p for p in doctree.findall(nodes.paragraph) if len(p.astext()) > 40), None)
    text = " ".join(paragraph.astext().split()) if paragraph else ""
    return text if len(text) <= LENGTH else f"{text[:LENGTH].rsplit(' ', 1)[0]} …"


def last_change(source: Path) -> str:
    """The day of the last commit that changed a page, or the chapter it was made of; "" where git does not know."""
    root = next((folder for folder in source.parents if (folder / ".git").exists()), None)
    if root is None:
        return ""
    chapter = root / "notebooks" / source.name
    command = ["git", "log", "-1", "--format=%cs", "--", str(chapter if chapter.exists() else source)]
    return subprocess.run(command, capture_output=True, text=True, cwd=root, check=False).stdout.strip()


def describe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Write the description, the social card and the last change of a page."""
    if doctree is None:
        return
    context["last_updated"] = last_change(Path(app.env.doc2path(pagename)))
    tags = {"og:title": context["title"], "og:type": "article", "og:description": description(doctree)}
    if app.config.html_baseurl:
        base = app.config.html_baseurl
        tags |= {"og:url": f"{base}{pagename}.html", "og:image": f"{base}{CARD}", "twitter:card": "summary_large_image"}
    written = {name: html.escape(html.unescape(value)) for name, value in tags.items()}
    named = "".join(f'\n<meta property="{name}" content="{value}" />' for name, value in written.items())
    context["metatags"] += f'\n<meta name="description" content="{written["og:description"]}" />{named}'


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("config-inited", add_address)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
