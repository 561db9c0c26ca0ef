"""The page of all figures, from chapters made by hand."""

import base64
import io
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from lkutils.book import gallery


@pytest.fixture
def chapter(tmp_path):
    file = io.BytesIO()
    picture = Image.new("RGB", (700, 900), "white")
    picture.paste("red", (0, 0, 700, 450))
    picture.save(file, "PNG")
    output = new_output("display_data", {"image/png": base64.b64encode(file.getvalue()).decode()})

    def cell(name, caption, outputs):
        about = {"figure": {"name": name, "caption": caption}, "image": {"alt": "What is seen: 3."}}
        return new_code_cell("draw()", metadata={"mystnb": about}, outputs=outputs)

    cells = [
        new_markdown_cell("# Of things\n\nText."),
        cell("fig-3a-x", "Bars. {download}`Data <data/fig-3a-x.csv>`", [output]),
        cell("fig-3a-y", "More of App. M, and of Fig. 3. " + "And more. " * 30, [output]),
        cell("fig-other", "Ours alone.", [output]),
        cell("fig-2-none", "Not drawn.", []),
    ]
    path = tmp_path / "tiny.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_every_drawn_figure_is_there_with_its_place_and_the_papers(chapter):
    page = gallery.gallery_page([chapter])
    assert page.startswith("## Of things\n")
    assert re.findall(r":target: (.*)", page) == [
        f"notebooks/tiny.html#fig-{name}" for name in ("3a-x", "3a-y", "other")
    ]
    assert re.findall(r":alt: (.*)", page) == ["What is seen: 3."] * 3
    assert f"{{numref}}`fig-3a-x` Bars.\n\n**The paper's Fig. 3(a):** {gallery.PAPER['3a']}" in page
    assert page.count("The paper's") == 1  # once, with the first of its figures
    assert "More of App. M, and of Fig. 3. And more." in page
    assert page.count("And more.") < 30
    assert "download" not in page


def test_pictures_are_small_and_show_the_upper_part(chapter):
    pictures = gallery.small_pictures([chapter])
    assert list(pictures) == ["gallery/fig-3a-x.png", "gallery/fig-3a-y.png", "gallery/fig-other.png"]
    picture = Image.open(io.BytesIO(pictures["gallery/fig-3a-x.png"])).convert("RGB")
    assert picture.size == (gallery.WIDTH, gallery.HEIGHT)
    assert picture.getpixel((10, 100)) == (255, 0, 0)
    assert picture.getpixel((10, 245)) == (255, 255, 255)


def test_a_chapter_without_figures_is_left_out(tmp_path):
    path = tmp_path / "none.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# None")]), path)
    assert gallery.gallery_page([path]) == "\n"
