import pytest
import torch

from lkutils.paper import paths
from lkutils.paper.datasets import load_dataset
from lkutils.paper.networks import IMAGE_NETWORKS, build_network, load_weights, probed_layers
from lkutils.probes import ProbedNetwork

IMAGES = [(1, 28, 28), (3, 32, 32), (1, 8, 8)]
LAYERS = {
    "mlp7": [f"linear{k}" for k in range(1, 7)],
    "vgg11": ["conv1_1", "conv2_1", "conv3_1", "conv3_2", "conv4_1", "conv4_2", "conv5_1", "conv5_2"],
    "resnet20": [f"block{k}" for k in range(1, 10)],
    "resnet32": [f"block{k}" for k in range(1, 16)],
}


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_networks_take_every_image_size(name, shape):
    network = build_network(name, shape, n_classes=7, width=1 / 8).eval()
    assert network(torch.zeros(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_all_layers_are_probed_in_forward_order(name):
    network = build_network(name, (3, 32, 32), 10, width=1 / 8)
    layers = probed_layers(network)
    assert list(layers) == LAYERS[name]
    order = []
    probed = ProbedNetwork(network, layers, torch.zeros(1, 3, 32, 32), 10)
    probed.visit_features(torch.randn(2, 3, 32, 32), lambda layer, feature: order.append((layer, feature.min().item())))
    assert [layer for layer, _ in order] == list(range(len(layers)))
    assert all(least >= 0 for _, least in order)  # the features are those after the ReLU


def test_a_table_is_taken_by_the_mlp():
    assert build_network("mlp7", (30,), 2, width=1 / 8)(torch.zeros(4, 30)).shape == (4, 2)


@pytest.mark.parametrize(
    ("name", "millions"), [("mlp7", 8.41), ("vgg11", 9.23), ("resnet20", 0.270), ("resnet32", 0.464)]
)
def test_networks_have_the_size_of_the_originals(name, millions):
    network = build_network(name, (3, 32, 32), 10)
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(millions, rel=2e-3)


def test_the_shortcut_pads_channels_with_zeros_and_takes_every_second_pixel():
    block = build_network("resnet20", (3, 32, 32), 10).layer2[0]
    x = torch.randn(2, 16, 8, 8)
    shortcut = block.shortcut(x)
    assert shortcut.shape == (2, 32, 4, 4)
    assert torch.equal(shortcut[:, 8:24], x[:, :, ::2, ::2])
    assert shortcut[:, :8].abs().sum() == shortcut[:, 24:].abs().sum() == 0


def test_an_unknown_network_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown network 'lenet'; known are mlp7, vgg11, resnet20, resnet32"):
        build_network("lenet", (1, 28, 28), 10)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: weights,
        lambda weights: {"state_dict": weights, "best_prec1": 90.0},
        lambda weights: {"model": weights, "epoch": 3},
        lambda weights: {"state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}},
    ],
)
def test_weights_are_read_whatever_their_wrapping(wrap, tmp_path):
    torch.manual_seed(0)
    saved = build_network("resnet20", (3, 16, 16), 10, width=1 / 4).eval()
    torch.save(wrap(saved.state_dict()), tmp_path / "weights.th")
    loaded = build_network("resnet20", (3, 16, 16), 10, width=1 / 4).eval()
    load_weights(loaded, tmp_path / "weights.th")
    x = torch.randn(3, 3, 16, 16)
    assert torch.equal(loaded(x), saved(x))


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    torch.save(build_network("resnet20", (3, 16, 16), 10, width=1 / 4).state_dict(), tmp_path / "weights.th")
    with pytest.raises(RuntimeError, match=r"Missing key.*layer1\.3\.conv1\.weight"):
        load_weights(build_network("resnet32", (3, 16, 16), 10, width=1 / 4), tmp_path / "weights.th")


@pytest.fixture(scope="module")
def cifar10():
    """The first 1,000 test images of CIFAR-10, and their labels."""
    weights = paths.data_dir() / "weights"
    if not weights.is_dir():
        pytest.skip(f"{weights} is not there; set LKUTILS_DATA to a folder that has the public checkpoints")
    dataset = load_dataset("cifar10")
    return dataset.test_inputs[:1000], dataset.test_labels[:1000]


@pytest.mark.parametrize(
    ("name", "file", "accuracy"),
    [("resnet20", "resnet20-12fca82f.th", 0.9173), ("resnet32", "resnet32-d509ac18.th", 0.9263)],
)
def test_public_checkpoints_reach_their_published_accuracy(cifar10, name, file, accuracy):
    images, labels = cifar10
    network = build_network(name, (3, 32, 32), 10)
    load_weights(network, paths.data_dir() / "weights" / file)
    hits = ProbedNetwork(network, {}, images[:1], 10)(images)[0].argmax(dim=1) == labels
    # 1,000 of the 10,000 images: within three standard errors
    assert hits.float().mean().item() == pytest.approx(accuracy, abs=0.027)
