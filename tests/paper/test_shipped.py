"""Opening games: made once where they are missing, whoever asks."""

import threading
import time

import pytest

from lkutils.paper import shipped
from lkutils.storage import seal, unseal


def test_of_several_that_want_a_game_one_makes_it_and_the_others_wait(tmp_path):
    path, made, read = tmp_path / "digits" / "mlp7.nc", [], []

    def make():
        made.append(threading.get_ident())
        time.sleep(0.2)
        seal(b"a game", path)

    def want():
        shipped.make_once(path, make)
        read.append(unseal(path))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert read == [b"a game"] * 4


def test_a_damaged_game_is_made_again(tmp_path, capsys):
    path = tmp_path / "mlp7.nc"
    seal(b"a game", path)
    path.write_bytes(path.read_bytes().replace(b"game", b"gone"))
    shipped.make_once(path, lambda: seal(b"a new game", path))
    assert unseal(path) == b"a new game"
    assert capsys.readouterr().err.count("\n") == 1


def test_when_making_fails_the_next_one_tries_again(tmp_path):
    path = tmp_path / "mlp7.nc"

    def fail():
        raise RuntimeError("no such luck")

    with pytest.raises(RuntimeError, match="no such luck"):
        shipped.make_once(path, fail)
    shipped.make_once(path, lambda: path.write_text("a game"))
    assert path.exists()
