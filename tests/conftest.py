from pathlib import Path


def pytest_addoption(parser):
    parser.addoption(
        "--site",
        type=lambda folder: Path(folder).resolve(),
        help="folder of the built book that test_book.py looks at; a book of smoke chapters when not given",
    )
