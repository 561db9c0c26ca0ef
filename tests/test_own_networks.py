"""Networks that the library has never seen, as a reader would bring them: ten lines at most between the marks."""

import numpy as np
import pytest
import torch
import torchvision
from sklearn.ensemble import GradientBoostingClassifier
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

import lkutils as lk
from lkutils.paper import paths
from lkutils.paper.datasets import at_hand, find_images, sample_images
from lkutils.paper.networks import ResNet, load_weights
from lkutils.paper.shipped import load_game


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


# ---- independent computations ----


def check_game(game, layer, sample, network, x, label, players, baseline):
    """Some coalitions of one sample, masked variable by variable, with the odds of a softmax in float64."""
    n = int(players.max()) + 1
    for coalition in {0, 1, 2**n - 1, 2 ** (n - 1), 0b1011 % 2**n}:
        masked = x.clone()
        for player in range(n):
            if not coalition >> player & 1:
                masked[..., players == player] = (baseline + torch.zeros_like(x))[..., players == player]
        with torch.no_grad():
            p = network(masked[None])[0].double().softmax(-1)
        others = torch.arange(len(p)) != int(label)  # their sum is exact where 1 - p would be rounded
        value = game["values"].sel(layer=layer).isel(sample=sample, coalition=coalition).item()
        assert value == pytest.approx((p[~others][0] / p[others].sum()).log().item(), abs=2e-3)


def check_interactions(found, game):
    """Eq. 3, coalition by coalition: AND interactions inside T and OR interactions that meet T add up to v - delta."""
    values, delta, effects = game["values"], found["delta"], found["interactions"].transpose("kind", ..., "coalition")
    for layer in range(game.sizes["layer"]):
        for sample in range(game.sizes["sample"]):
            sets = np.arange(2 ** int(game["n_players"][sample]))
            and_, or_ = effects.isel(layer=layer, sample=sample, coalition=sets).values
            for coalition in sets[[0, 1, -1, len(sets) // 3]]:
                total = and_[(sets & ~coalition) == 0].sum() + or_[(sets & coalition) != 0].sum()
                v = values.values[layer, sample, coalition] - delta.values[layer, sample, coalition]
                assert total == pytest.approx(v, abs=1e-4)


def probe_of(probed, layer):
    """The linear classifier of a layer."""
    return probed.probes[probed.layers.index(layer)]


# ---- images ----


def test_resnet_18_of_torchvision():
    network, images, labels = (
        torchvision.models.resnet18(num_classes=3),
        torch.rand(30, 3, 32, 32),
        torch.arange(30) % 3,
    )
    before, state = images.clone(), {name: tensor.clone() for name, tensor in network.state_dict().items()}
    # ---- the reader's lines
    probed = lk.probe(network, "layer?", images, labels, pool="mean")
    players = lk.players.patches(images.shape[1:], 8, n=4, samples=2)
    baseline = images.mean((0, 2, 3))
    game = lk.play(probed, images[:2], labels[:2], players, baseline)
    found = lk.interactions(game)
    figure = lk.plot.tracking(lk.follow(found))
    # ----
    assert game["layer"].values.tolist() == ["layer1", "layer2", "layer3", "layer4", "output"]
    assert figure.axes
    assert network.training
    assert torch.equal(images, before)
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())
    network.eval()
    arguments = images[1], labels[1], players.map[1], baseline[:, None, None]
    check_game(game, "output", 1, network, *arguments)
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool, network.layer1, network.layer2)
    read = probe_of(probed, "layer2")
    check_game(game, "layer2", 1, lambda x: read(stem(x).mean((2, 3))), *arguments)
    check_interactions(found, game)


@pytest.fixture(scope="module")
def cifar10():
    if "cifar10" not in at_hand():
        pytest.skip("CIFAR-10 is not at hand; LKUTILS_DATA names the folder of the data sets")
    shipped = first_six_players(load_game("cifar10/resnet20"))
    images = sample_images("cifar10")[shipped["sample"].values.tolist()]
    return find_images("cifar10").normalised(images), shipped


def first_six_players(game):
    """Three samples of a shipped game, where the players 6..11 are always present: background."""
    part = game.isel(sample=[0, 1, 2], coalition=slice(-64, None)).sel(layer=["output"])
    return part.assign(players=part["players"].where(part["players"] < 6, -1)).assign_coords(coalition=np.arange(64))


def checkpoint_of(depth, folder):
    """A public checkpoint, or for depths that have none at hand a narrow network's, in the same layout."""
    public = {20: "resnet20-12fca82f.th", 32: "resnet32-d509ac18.th"}
    if depth in public:
        path = paths.data_dir() / "weights" / public[depth]
        if not path.exists():
            pytest.skip(f"{path.name} is not at hand; LKUTILS_DATA names the folder of the data sets")
        return path, 16
    network = ResNet((depth - 2) // 6, 3, 10, channels=4)
    weights = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": weights, "best_prec1": 90.0}, folder / "checkpoint.th")
    return folder / "checkpoint.th", 4


@pytest.mark.parametrize("depth", [20, 32, 44, 56])
def test_resnets_of_cifar_10_are_compared_with_a_shipped_game(depth, cifar10, tmp_path):
    checkpoint, channels = checkpoint_of(depth, tmp_path)
    images, shipped = cifar10
    # ---- the reader's lines
    network = ResNet((depth - 2) // 6, 3, 10, channels)
    load_weights(network, checkpoint)
    samples, labels, players = (shipped[name].values for name in ("sample", "label", "players"))
    game = lk.play(network, images, labels, players, baseline=0, samples=samples)
    iou = lk.compare(lk.interactions(game), lk.interactions(shipped))["iou"].sel(bound="estimate")
    # ----
    assert ((iou >= 0) & (iou <= 1) | iou.isnull()).all()
    check_game(game, "output", 0, network.eval(), images[0], labels[0], torch.tensor(players[0]), torch.tensor(0.0))
    if channels == 16:  # the same weights, with the mean image as baseline, which is close to 0
        same = first_six_players(load_game(f"cifar10/resnet{depth}"))["values"].values[0]
        own = game["values"].values[0]
        np.testing.assert_allclose(own[:, -1], same[:, -1], atol=5e-3)
        assert np.corrcoef(own.flatten(), same.flatten())[0, 1] > 0.9


def test_a_vision_transformer():
    network = torchvision.models.VisionTransformer(16, 4, 2, 2, 8, 16, num_classes=3)
    nn.init.normal_(network.heads.head.weight)
    images, labels = torch.rand(30, 3, 16, 16), torch.arange(30) % 3
    # ---- the reader's lines
    blocks = [f"encoder.layers.encoder_layer_{k}" for k in (0, 1)]
    layers = {
        "patches": "conv_proj",
        "attention": f"{blocks[0]}.self_attention",
        "block1": blocks[0],
        "block2": blocks[1],
    }
    pool = {"patches": "mean", "attention": "first", "block1": "first", "block2": "first"}
    probed = lk.probe(network, layers, images, labels, pool=pool)
    game = lk.play(probed, images[:2], labels[:2], lk.players.patches((16, 16), 4, 6, samples=2), baseline=0.5)
    found = lk.interactions(game)
    followed = lk.follow(found)
    # ----
    assert followed["overlap"].sizes["layer"] == 5
    players = torch.tensor(game["players"].values)
    network.eval()
    check_game(game, "output", 0, network, images[0], labels[0], players[0], torch.tensor(0.5))
    embedded = nn.Sequential(network.conv_proj, nn.Flatten(2))
    read = probe_of(probed, "patches")
    check_game(
        game, "patches", 1, lambda x: read(embedded(x).mean(2)), images[1], labels[1], players[1], torch.tensor(0.5)
    )

    def block2(x):
        tokens = torch.cat([network.class_token.expand(len(x), -1, -1), network._process_input(x)], 1)
        return probe_of(probed, "block2")(network.encoder.layers(tokens + network.encoder.pos_embedding)[:, 0])

    check_game(game, "block2", 0, block2, images[0], labels[0], players[0], torch.tensor(0.5))
    check_interactions(found, game)


def test_superpixels_with_another_number_in_every_sample():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 16, 3))
    images = torch.rand(3, 1, 6, 6)
    labels = torch.tensor([[[0, 0, 5], [2, 2, 5], [2, 9, 9]], [[1] * 3] * 3, [[3, 3, 3], [4, 4, 4], [-1, -1, -1]]])
    # ---- the reader's lines
    regions = lk.players.segments(labels.repeat_interleave(2, 1).repeat_interleave(2, 2))
    game = lk.play(network, images, [0, 1, 2], regions, baseline=0)
    found = lk.interactions(game)
    shapley = lk.shapley(game)
    # ----
    assert game["n_players"].values.tolist() == [4, 1, 2]
    for sample, n in enumerate([4, 1, 2]):
        check_game(game, "output", sample, network, images[sample], sample, regions.map[sample], torch.tensor(0.0))
        assert game["values"][0, sample, 2**n :].isnull().all()
        gain = game["values"][0, sample, 2**n - 1] - game["values"][0, sample, 0]
        assert shapley[0, sample].sum().item() == pytest.approx(gain.item(), abs=1e-5)
        alone = lk.interactions(lk.play(network, images[[sample]], sample, regions.map[sample], baseline=0))
        smaller = found["interactions"].isel(sample=[sample], coalition=slice(2**n))
        np.testing.assert_allclose(smaller, alone["interactions"], atol=1e-6)
    check_interactions(found, game)


# ---- texts ----

SPECIAL = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIAL, "the", "film", "is", "not", "un", "##watch", "##able", "good", "bad", "!"]
TEXTS = ["the film is not unwatchable", "good", "not good!", "bad", "the film is bad", "is the film good"]


@pytest.fixture
def tokenizer():
    wordpiece = Tokenizer(models.WordPiece({piece: k for k, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(tokenizer_object=wordpiece, pad_token="[PAD]", mask_token="[MASK]")


def test_a_text_classifier_of_hugging_face(tokenizer):
    config = DistilBertConfig(
        vocab_size=len(PIECES), dim=8, n_layers=2, n_heads=2, hidden_dim=16, pad_token_id=1, initializer_range=0.5
    )
    network, labels = DistilBertForSequenceClassification(config).eval(), [1, 1, 0, 0, 0, 1]
    # ---- the reader's lines
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt", return_token_type_ids=False)
    players = lk.players.words(TEXTS, tokenizer)
    probed = lk.probe(network, "distilbert.transformer.layer.?", inputs, labels, pool="first")
    game = lk.play(probed, inputs, labels, players, tokenizer.mask_token_id, samples=TEXTS)
    found = lk.interactions(game)
    strongest = lk.top(found, TEXTS[0])
    figure = lk.plot.in_words(found, TEXTS[0])
    # ----
    assert game["n_players"].values.tolist() == [5, 1, 2, 1, 4, 4]
    assert game["player_name"].values[0].tolist() == TEXTS[0].split()
    assert set(", ".join(strongest["players"]).split(", ")) <= set(TEXTS[0].split())
    assert figure.axes
    # Each text by itself, without padding; its words are masked with all their sub-tokens.
    word_of = {0: [None, 0, 1, 2, 3, 4, 4, 4, None], 2: [None, 0, 1, None, None]}
    for sample, words in word_of.items():
        ids = tokenizer(TEXTS[sample])["input_ids"]
        n = int(game["n_players"][sample])
        for coalition in (0, 1, 2**n - 2, 2**n - 1):
            masked = [k if w is None or coalition >> w & 1 else 4 for k, w in zip(ids, words, strict=True)]
            with torch.no_grad():
                logits = network(torch.tensor([masked])).logits[0]
                hidden = network.distilbert(torch.tensor([masked]), output_hidden_states=True).hidden_states[1][:, 0]
                read = probe_of(probed, "distilbert.transformer.layer.0")(hidden)[0]
            y = labels[sample]
            v = game["values"].isel(sample=sample, coalition=coalition)
            assert v.sel(layer="output").item() == pytest.approx((logits[y] - logits[1 - y]).item(), abs=1e-4)
            assert v.isel(layer=0).item() == pytest.approx((read[y] - read[1 - y]).item(), abs=1e-4)
    check_interactions(found, game)


def test_a_decoder_without_a_mask_token():
    network = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=8, n_layer=2, n_head=2, n_positions=8)).eval()
    ids = torch.tensor([[3, 7, 1, 12, 5], [2, 2, 9, 0, 4]])

    # ---- the reader's lines
    def score(ids):
        return network(ids).logits[:, -1]  # the token that comes next; of the fourth, logits[:, 3]

    next_token = network(ids).logits[:, -1].argmax(1)
    game = lk.play(score, ids, next_token, players=range(5), baseline=11, names=["a", "b", "c", "d", "e"])
    found = lk.interactions(game)
    # ----
    for coalition in (0, 0b01001, 0b11111):
        masked = [k if coalition >> i & 1 else 11 for i, k in enumerate(ids[1].tolist())]
        with torch.no_grad():
            p = network(torch.tensor([masked])).logits[0, -1].double().softmax(0)[next_token[1]].item()
        assert game["values"][0, 1, coalition].item() == pytest.approx(np.log(p / (1 - p)), abs=1e-4)
    check_interactions(found, game)


# ---- tables ----


@pytest.fixture
def table():
    x = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] + x[:, 5] > 0).astype(int)


NAMES = ["age", "income", "job", "job", "job", "city"]


def test_an_mlp_on_a_table(table):
    x, y = table
    network = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    # ---- the reader's lines
    probed = lk.probe(network, {"first": "1", "second": "3"}, x, y)
    game = lk.play(probed, x[:12], y[:12], lk.players.columns(NAMES), baseline=x.mean(0))
    found = lk.interactions(game)
    followed = lk.follow(found)
    values = lk.shapley(game)
    figure = lk.plot.similarity(found)
    # ----
    assert figure.axes
    assert followed["completeness"].sel(layer="output", kind="and", order=1, bound="estimate").item() == 1
    players, baseline = torch.tensor([0, 1, 2, 2, 2, 3]), torch.tensor(x.mean(0))
    check_game(game, "output", 3, network, torch.tensor(x[3]), y[3], players, baseline)
    second = nn.Sequential(network[:4], probe_of(probed, "second"))
    check_game(game, "second", 3, second, torch.tensor(x[3]), y[3], players, baseline)
    gain = game["values"].isel(coalition=-1) - game["values"].isel(coalition=0)
    np.testing.assert_allclose(values.sum("player"), gain, atol=1e-5)
    check_interactions(found, game)


@pytest.mark.parametrize("method", ["decision_function", "predict_proba"])
def test_gradient_boosting_on_a_table(table, method):
    x, y = table
    model = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(x, y)
    # ---- the reader's lines
    game = lk.play(getattr(model, method), x[:5], y[:5], lk.players.columns(NAMES), baseline=x.mean(0))
    found = lk.interactions(game)
    strongest = lk.top(found, sample=2, k=3)
    # ----
    assert len(strongest) == 3
    players = np.array([0, 1, 2, 2, 2, 3])
    for coalition in range(16):
        masked = np.where(coalition >> players & 1, x[2], x.mean(0))
        odds = np.log(model.predict_proba(masked[None])[0])
        assert game["values"][0, 2, coalition].item() == pytest.approx(odds[y[2]] - odds[1 - y[2]], abs=1e-5)
    check_interactions(found, game)


def test_a_regression(table):
    x, _ = table
    price = x[:, 0] + 2 * x[:, 1] * x[:, 5]
    network = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    # ---- the reader's lines
    probed = lk.probe(network, {"hidden": "1"}, x, price)
    game = lk.play(probed, x[:4], price[:4], lk.players.columns(NAMES), baseline=0, of="output")
    found = lk.interactions(game)
    # ----
    assert game["values"].attrs["units"] == "output"
    masked = torch.tensor(x[2]) * torch.tensor([0.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    assert game["values"].sel(layer="output")[2, 0b0110].item() == pytest.approx(network(masked).item(), abs=1e-5)
    hidden = network[1](network[0](torch.tensor(x))).detach().double()
    centred = torch.cat([hidden, torch.ones(200, 1)], 1)
    best = centred @ torch.linalg.lstsq(centred, torch.tensor(price).double()[:, None]).solution
    r_squared = 1 - ((best[:, 0] - torch.tensor(price)) ** 2).mean().item() / price.var()
    assert probed.accuracy.sel(layer="hidden").item() == pytest.approx(r_squared, abs=0.02)
    check_interactions(found, game)


def test_a_single_logit(table):
    x, y = table
    network = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    # ---- the reader's lines
    probed = lk.probe(network, {"hidden": "1"}, x, y)
    game = lk.play(probed, x[:6], y[:6], lk.players.columns(NAMES), baseline=0)
    found = lk.interactions(game)
    # ----
    logit = network(torch.tensor(x[:6])).detach()[:, 0].numpy()
    np.testing.assert_allclose(
        game["values"].sel(layer="output").isel(coalition=-1), np.where(y[:6] == 1, logit, -logit), atol=1e-5
    )
    alone = lk.play(network, x[:6], y[:6], lk.players.columns(NAMES), baseline=0)
    np.testing.assert_allclose(alone["values"][0], game["values"].sel(layer="output"), atol=1e-5)
    check_interactions(found, game)


# ---- sizes ----


@pytest.mark.parametrize("n", [1, 13])
def test_one_player_and_thirteen(n):
    network, x = nn.Linear(13, 2), torch.randn(1, 13)
    # ---- the reader's lines
    game = lk.play(network, x, 1, torch.arange(13) % n, baseline=0)
    found = lk.interactions(game)
    shapley = lk.shapley(game)
    # ----
    effects = (network.weight[1] - network.weight[0]).detach() * x[0]
    expected = [effects[i::n].sum().item() for i in range(n)]
    np.testing.assert_allclose(shapley[0, 0], expected, atol=1e-5)
    check_interactions(found, game)


def test_a_batch_of_one():
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.randn(1, 4)
    # ---- the reader's lines
    game = lk.play(network, x, 2, players=[0, 1, 2, 3], baseline=0, batch_size=1)
    found = lk.interactions(game)
    # ----
    check_game(game, "output", 0, network.eval(), x[0], 2, torch.arange(4), torch.tensor(0.0))
    check_interactions(found, game)
