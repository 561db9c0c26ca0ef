"""A game of the reader's own network, as a labelled array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from lkutils.arguments import Arguments, ArrayLike, as_tensor, check_arguments
from lkutils.features import attended_padding, evaluating
from lkutils.masking import check_batch_size, coalition_values, log_odds
from lkutils.players import Players
from lkutils.scores import score_of_function, score_of_network, warn_of_training

# Names of the axes of a map of players.
AXES = {1: ("position",), 2: ("y", "x"), 3: ("channel", "y", "x"), 4: ("channel", "z", "y", "x")}


def play(
    score: Callable,
    inputs: Shaped[Tensor, "sample *shape"] | ArrayLike | Mapping[str, ArrayLike],
    target: Int[Tensor, "sample"] | ArrayLike | None,
    players: Players | Int[Tensor, "sample ..."] | ArrayLike,
    baseline: Shaped[Tensor, "..."] | ArrayLike,
    *,
    of: str | Callable[[Tensor, Tensor], Tensor] = "log-odds",
    samples: ArrayLike | None = None,
    names: Sequence[str] | Sequence[Sequence[str]] | None = None,
    batch_size: int | None = None,
) -> xr.Dataset:
    """The game v^(l)(x_T) of every layer, sample and coalition of players (Eq. 5 without delta).

    A network is left as it was, in its mode and with its weights; so are all arguments.

    Args:
        score: what :func:`lkutils.probe` returns; a network, whose layer is called "output"; or any other function,
            such as a scikit-learn model's ``predict_proba`` or ``decision_function``, from a batch of inputs to
            (batch,), (batch, class) or (layer, batch, class). It is given tensors where ``inputs`` are tensors, and
            arrays where they are arrays or lists.
        inputs: images (sample, channel, y, x), tables (sample, feature), token ids (sample, position), or a
            tokenizer's output: there the token ids are masked, and padding stays unattended.
        target: the class y of each sample, or one for all of them; None where there is a single output and ``of`` is
            not the log-odds.
        players: from :mod:`lkutils.players`, or a map of the number of each variable's player, -1 for background; every
            sample may have another number of players.
        baseline: as in :func:`lkutils.masking.coalition_values`: a number (a mask token's id), one for each channel,
            or in the shape of one input or of all of them.
        of: what is explained: "log-odds" of the target; "output" itself, the target's where there are several; or a
            function from outputs (layer, batch, class) and targets (batch,) to values (layer, batch).
        samples: what the samples are called; 0, 1, ... when None.
        names: what the players are called, as a list for all samples or a list of lists; those of ``players``, or
            their numbers, when None.
        batch_size: masked inputs scored at once; when None, as many as seems sensible.

    Returns:
        ``values`` (layer, sample, coalition), float32, whose attribute ``units`` says of what; ``players``,
        ``n_players`` (sample), ``player_name`` (sample, player), and ``label`` (sample) where there is a target. Bit i
        of a coalition says that player i is present, so that a smaller game is the beginning of the axis; after it
        stands NaN.

    Raises:
        TypeError, ValueError, MemoryError, FloatingPointError: as :func:`lkutils.masking.coalition_values`; and an
            unknown ``of``, names or samples of another number, or padding without an attention mask.

    Example:
        >>> network = nn.Linear(3, 2)
        >>> game = play(network, torch.rand(5, 3), target=1, players=[0, 1, 1], baseline=0, names=["age", "job"])
        >>> dict(game["values"].sizes), game["layer"].values.tolist(), game["player_name"].values[4].tolist()
        ({'layer': 1, 'sample': 5, 'coalition': 4}, ['output'], ['age', 'job'])
    """
    if not callable(score):
        hint = ": read the network first" if isinstance(score, str) else ""
        raise TypeError(f"score is {score!r}, not a network or a function{hint}")
    explain = explained(of, target)
    targets = None if target is None or (of == "output" and as_tensor("target", target).is_floating_point()) else target
    takes_arrays = not isinstance(score, nn.Module) and not has_tensors(inputs)
    game = placed(check_arguments(inputs, targets, players, baseline), score)
    check_padding(game, score)
    check_batch_size(batch_size)
    sample_names = np.arange(len(game.inputs)) if samples is None else np.asarray(samples)
    if sample_names.shape != (len(game.inputs),):
        raise ValueError(f"samples has {len(sample_names)} names, but inputs have {len(game.inputs)} samples")
    player_names = names_of(players.names if names is None and isinstance(players, Players) else names, game.n_players)

    layers = getattr(score, "layers", None)
    has_layers = isinstance(layers, (tuple, list)) and all(isinstance(layer, str) for layer in layers)
    if has_layers or not isinstance(score, nn.Module):
        warn_of_training(score)
        mode, function = nullcontext(), score_of_function(score, takes_arrays)
    else:
        mode, function = evaluating(score), score_of_network(score)
    with mode:
        values = values_of(function, game, batch_size, explain)
    names_of_layers = list(layers) if has_layers else [*(f"layer{k + 1}" for k in range(len(values) - 1)), "output"]
    return labelled(values, game, names_of_layers, sample_names, player_names, units_of(of), targets is not None)


def values_of(
    score: Callable, game: Arguments, batch_size: int | None, explain: Callable
) -> Float[Tensor, "layer sample coalition"]:
    """The values of samples with any numbers of players, NaN beyond the coalitions that a sample has."""
    values = None
    for n_players in game.n_players.unique().tolist():
        rows = (game.n_players == n_players).nonzero()[:, 0]
        inputs = game.inputs[rows]
        found = coalition_values(
            score,
            {game.key: inputs} | {name: other[rows] for name, other in game.others.items()} if game.key else inputs,
            game.labels[rows],
            game.players[rows],
            game.baseline if len(game.baseline) == 1 else game.baseline[rows],
            n_players,
            batch_size,
            of=explain,
        )
        if values is None:
            values = torch.full((len(found), len(game.inputs), 1 << game.n_players.max()), torch.nan)
        values[:, rows.cpu(), : 1 << n_players] = found
    return values


def labelled(
    values: Float[Tensor, "layer sample coalition"],
    game: Arguments,
    layers: list[str],
    samples: np.ndarray,
    names: np.ndarray,
    units: str,
    has_target: bool,
) -> xr.Dataset:
    """The game with its labels."""
    axes = AXES.get(game.players.ndim - 1) or tuple(f"axis{k}" for k in range(game.players.ndim - 1))
    variables = {
        "values": (("layer", "sample", "coalition"), values.numpy(), {"units": units, "long_name": "v^(l)(x_T)"}),
        "players": (("sample", *axes), game.players.cpu().numpy()),
        "n_players": ("sample", game.n_players.cpu().numpy()),
        "player_name": (("sample", "player"), names),
    }
    if has_target:
        variables["label"] = ("sample", game.labels.cpu().numpy())
    return xr.Dataset(variables, {"layer": layers, "sample": samples, "coalition": np.arange(values.shape[-1])})


# ---- arguments ------------------------------------------------------------------------------------------------------


def explained(of: str | Callable, target: ArrayLike | None) -> Callable[[Tensor, Tensor], Tensor]:
    """The function from outputs and targets to values."""
    if callable(of):
        return of
    if of == "log-odds":
        if target is None:
            raise ValueError("target=None: log-odds are those of a class; name it, or explain of='output'")
        return log_odds
    if of != "output":
        raise ValueError(f"of={of!r}: 'log-odds', 'output' or a function of outputs and targets was expected")

    def output(
        outputs: Shaped[Tensor, "layer batch cls"], targets: Int[Tensor, "batch"]
    ) -> Shaped[Tensor, "layer batch"]:
        if outputs.shape[-1] == 1:
            return outputs[..., 0]
        if target is None:
            raise ValueError(f"target=None, but there are {outputs.shape[-1]} outputs: say which of them")
        return outputs.gather(-1, targets.expand(outputs.shape[:-1])[..., None])[..., 0]

    return output


def units_of(of: str | Callable) -> str:
    """What the values are measured in."""
    return of if isinstance(of, str) else getattr(of, "__name__", "values")


def has_tensors(inputs: ArrayLike | Mapping[str, ArrayLike]) -> bool:
    """Whether inputs were given as tensors."""
    return any(map(torch.is_tensor, inputs.values() if isinstance(inputs, Mapping) else [inputs]))


def placed(game: Arguments, score: Callable) -> Arguments:
    """The game on the device of a network, its floating-point inputs in the network's precision."""
    parameters = score.parameters() if isinstance(score, nn.Module) else ()
    weight = next((parameter for parameter in parameters if parameter.is_floating_point()), None)
    if weight is None:
        return game
    dtype = weight.dtype if game.inputs.is_floating_point() else game.inputs.dtype
    device = weight.device
    return Arguments(
        inputs=game.inputs.to(device, dtype),
        key=game.key,
        others={name: other.to(device) for name, other in game.others.items()},
        labels=game.labels.to(device),
        players=game.players.to(device),
        baseline=game.baseline.to(device, dtype),
        n_players=game.n_players.to(device),
    )


def check_padding(game: Arguments, score: Callable) -> None:
    """Padding is attended to where a network of Hugging Face's gets no attention mask."""
    padding = attended_padding(getattr(score, "network", score), game.inputs)
    if padding is not None and "attention_mask" not in game.others:
        raise ValueError(
            f"inputs hold padding (token {padding}) without an attention mask, so that it would be attended to: give "
            "the tokenizer's whole output, with input_ids and attention_mask"
        )


def names_of(names: Sequence | None, n_players: Int[Tensor, "sample"]) -> np.ndarray:
    """Names of the players of each sample, (sample, player), empty where a sample has fewer."""
    counts = n_players.tolist()
    if names is None:
        names = [[str(player) for player in range(n)] for n in counts]
    elif isinstance(names, str):
        raise ValueError(f"names={names!r}: a list of names was expected")
    elif all(isinstance(name, str) for name in names):
        names = [names] * len(counts)
    elif len(names) == 1:
        names = [*names] * len(counts)
    if len(names) != len(counts):
        raise ValueError(f"names are those of {len(names)} samples, but there are {len(counts)}")
    for sample, (row, n) in enumerate(zip(names, counts, strict=True)):
        if len(row) != n:
            raise ValueError(f"names has {len(row)} names for sample {sample}, which has {n} players")
    return np.array([[*map(str, row), *[""] * (max(counts) - len(row))] for row in names])
