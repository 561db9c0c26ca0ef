"""What people type on the command line: refused in one line before anything runs, or taken as it is meant."""

import pytest

from lkutils import __main__ as command_line
from lkutils.book import chapters, parameters
from lkutils.paper import paths


@pytest.fixture
def given(monkeypatch):
    """What reaches the chapter, once its checks are passed."""
    reached = {}

    def run(name, values, profile=None):
        parameters.check_parameters(name, values | ({"profile": profile} if profile else {}))
        reached.update(values)
        return name

    monkeypatch.setattr(command_line, "run_chapter", run)
    return reached


def run(capsys, *words):
    """Exit status and what was printed."""
    try:
        status = command_line.main(["chapter", "01_sparsity", "--profile", "smoke", *words])
    except SystemExit as ended:
        status = ended.code
    captured = capsys.readouterr()
    return status, captured.out + captured.err


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("tau_ratio", "1e-1", 0.1),
        ("gap", "1e-3", 0.001),
        ("seed", "010", 10),
        ("tau_ratio", "0", 0.0),
        ("tau_ratio", "1", 1.0),
        ("games", "[digits/mlp7, digits/resnet20]", ["digits/mlp7", "digits/resnet20"]),
    ],
)
def test_what_is_meant_is_taken(given, capsys, key, text, value):
    assert run(capsys, "-p", key, text)[0] == 0
    assert given == {key: value}


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("tau_ratio", ".nan", "tau_ratio=nan should lie between 0 and 1"),
        ("tau_ratio", "nan", "tau_ratio='nan' should be of type float"),
        ("tau_ratio", "-0.1", "tau_ratio=-0.1 should lie between"),
        ("tau_ratio", "-1e-3", "tau_ratio=-0.001 should lie between"),
        ("tau_ratio", "", "tau_ratio='' should be of type float"),
        ("games", "[digits/mlp7", "games='[digits/mlp7' should be of type list[str], written [a, b]"),
        ("games", "*", "games='*' should be of type list[str]"),
        ("games", "digits/mlp7", "should be of type list[str]"),
        ("games", "[mnist/nosuch]", "unknown game 'mnist/nosuch'; known are mnist/mlp7"),
        ("seed", "-1", "seed=-1 should be at least 0"),
        ("seed", "1.0", "seed='1.0' should be of type int"),
        ("gap", "1", "gap=1.0 should"),
        ("kappa_ratio", "1", "kappa_ratio=1.0 should"),
        ("tau", "0.1", "has no parameter 'tau'; it has profile"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(given, capsys, key, text, message):
    status, told = run(capsys, "-p", key, text)
    assert status == 2
    assert told.startswith("lkutils: ")
    assert message in told
    assert told.count("\n") == 1
    assert given == {}


@pytest.mark.parametrize("words", [["-p", "tau_ratio=0.1"], ["-p", "tau_ratio=0.1", "-p", "gap=0.01"]])
def test_key_equals_value_is_told_what_to_write(given, capsys, words):
    status, told = run(capsys, *words)
    assert status == 2
    assert "-p tau_ratio 0.1" in told
    assert given == {}


def test_a_failed_chapter_ends_with_a_message_and_not_with_a_traceback(monkeypatch, capsys):
    def fail(*_):
        raise chapters.ChapterError("chapter 01_sparsity failed")

    monkeypatch.setattr(command_line, "run_chapter", fail)
    assert run(capsys) == (2, "lkutils: chapter 01_sparsity failed\n")
    assert command_line.main(["chapter", "notebooks/01_sparsity.ipynb"]) == 2


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here"),
        (FloatingPointError("the loss of output is not finite"), 2, "the loss of output is not finite"),
        (MemoryError("a single masked input does not fit"), 2, "a single masked input does not fit"),
        (RuntimeError("can't allocate memory"), 2, "out of memory (can't allocate memory)"),
        (PermissionError(13, "Permission denied", "game.nc"), 2, "[Errno 13] Permission denied: 'game.nc'"),
    ],
)
def test_what_ends_a_command_is_told_in_one_line(monkeypatch, capsys, error, status, told):
    def fail(*_):
        raise error

    monkeypatch.setattr(command_line, "run_chapter", fail)
    assert run(capsys) == (status, f"lkutils: {told}\n")


@pytest.mark.parametrize("error", [TypeError, RuntimeError, AttributeError])
def test_a_bug_is_not_hidden(monkeypatch, capsys, error):
    def fail(*_):
        raise error("a bug")

    monkeypatch.setattr(command_line, "run_chapter", fail)
    with pytest.raises(error, match="a bug"):
        run(capsys)


def test_a_game_from_another_seed(monkeypatch, capsys, tmp_path):
    made = []
    monkeypatch.setattr(command_line.making, "make_game", lambda name, *_: made.append(name))
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    assert command_line.main(["game", "--dataset", "digits", "--network", "mlp7", "--seed", "3"]) == 0
    assert made == ["digits/mlp7.seed3"]
    assert command_line.main(["game", "--dataset", "cifar10", "--seed", "1"]) == 2
    assert "cifar10/resnet20 has public weights" in capsys.readouterr().err
    assert len(made) == 1


def test_a_control(monkeypatch, capsys, tmp_path):
    made = []
    monkeypatch.setattr(command_line.making, "make_game", lambda name, *_: made.append(name))
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    digits = ["game", "--dataset", "digits", "--network", "mlp7"]
    assert command_line.main([*digits, "--control", "untrained"]) == 0
    assert made == ["digits/mlp7.untrained"]
    for more in (["--seed", "1"], ["--draws", "3"]):
        assert command_line.main([*digits, "--control", "blur", *more]) == 2
    assert "leave out --weights and --seed" in capsys.readouterr().err
    assert command_line.main(["game", "--dataset", "sst2", "--control", "zero"]) == 2
    assert "controls are for networks that are trained here, on images" in capsys.readouterr().err
    assert len(made) == 1


def test_a_game_with_noise_in_parts(monkeypatch, capsys, tmp_path):
    asked = []

    def stub(name, draws, sigma, part, test):
        asked.append((name, draws, sigma, part, test))

    monkeypatch.setattr(command_line.noise, "make_noise_game", stub)
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    digits = ["game", "--dataset", "digits", "--network", "mlp7"]
    assert command_line.main([*digits, "--draws", "5", "--part", "2/3"]) == 0
    assert asked == [("digits/mlp7", 5, 0.02, (1, 3), False)]
    assert "other parts are still missing" in capsys.readouterr().out
    for wrong in ("0/3", "4/3", "1", "a/b"):
        assert command_line.main([*digits, "--draws", "5", "--part", wrong]) == 2
        assert f"--part {wrong}: give K/M" in capsys.readouterr().err
    assert command_line.main([*digits, "--draws", "5", "--seed", "1"]) == 2
    assert "leave out --weights, --seed and --control" in capsys.readouterr().err
    assert command_line.main([*digits, "--test"]) == 2
    assert "--sigma and --test are for --draws" in capsys.readouterr().err
    assert len(asked) == 1
    assert command_line.main([*digits, "--draws", "5", "--sigma", "0.1", "--test"]) == 0
    assert asked[1:] == [("digits/mlp7", 5, 0.1, (0, 1), True)]


@pytest.mark.parametrize("words", [["--draws", "3"], ["--control", "zero"], ["--sigma", "0.1"], ["--test"]])
def test_choices_are_of_the_shipped_games(capsys, words):
    with pytest.raises(SystemExit) as ended:
        command_line.main(["choices", "--dataset", "digits", *words])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {' '.join(words)}" in capsys.readouterr().err


def test_a_game_stops_after_a_stage_or_a_part(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(command_line.making, "make_game", lambda *given: asked.append(given))
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    digits = ["game", "--dataset", "digits", "--network", "mlp7"]
    assert command_line.main([*digits, "--until", "probes", "--seed", "1"]) == 0
    assert "stopped after its probes" in capsys.readouterr().out
    assert command_line.main([*digits, "--part", "2/3"]) == 0
    assert "other parts are still missing" in capsys.readouterr().out
    assert asked == [("digits/mlp7.seed1", None, (0, 1), "probes"), ("digits/mlp7", None, (1, 3), None)]
    for more in (["--part", "2/3"], ["--draws", "5"]):
        assert command_line.main([*digits, "--until", "network", *more]) == 2
        assert "leave out --draws and --part" in capsys.readouterr().err
    assert len(asked) == 2


def test_interactions_are_extracted_layer_by_layer_in_parts(monkeypatch, capsys):
    extracted = []
    real = command_line.games.interactions
    game = command_line.shipped.load_game("mnist/mlp7").isel(sample=slice(2))
    monkeypatch.setattr(command_line.shipped, "load_game", lambda name: game)

    def interactions(game, layers, caches):
        assert caches == command_line.shipped.CACHES
        extracted.extend(layers)
        return real(game, layers=layers)

    monkeypatch.setattr(command_line.games, "interactions", interactions)
    for part in ("1/3", "2/3", "3/3"):
        assert command_line.main(["interactions", "--dataset", "mnist", "--network", "mlp7", "--part", part]) == 0
    assert extracted == [f"linear{k}" for k in (1, 4)] + ["output"] + [f"linear{k}" for k in (2, 5, 3, 6)]
    assert capsys.readouterr().out.startswith("mnist/mlp7: linear1, largest certified gap 0.")
