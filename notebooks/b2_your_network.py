# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Beyond the paper: your own network
#
# **The claim.** The paper's definitions ask little of a network: one number for each masked input (Sec. 3.1), and for a
# layer a linear probe on its feature (Sec. 3.2.2). Nothing in them knows of MLP-7 or of MNIST. So they should work for
# any network that somebody brings along.
#
# **What this chapter does.** It plays the reader. A network for images and one for sentences, neither of them the
# paper's, go from nothing to the figure of what their layers keep and forget, in ten lines each. Of the sentences it is
# known which words decide, so there is an answer to compare with; and there is a layer that the network's own head reads
# linearly, so there is a number that ought to be 1. At last two networks are compared on the same samples.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter b2_your_network -p samples 30`.

# %% tags=["parameters"]
profile: str = "paper"  # "smoke": fewer samples and epochs, and no public networks
samples: int = 0  # images and sentences of each game, from 0 to 100; 0: the profile's own, 20 or under smoke 4
seed: int = 0  # of the networks and of the players, at least 0

# %% tags=["hide-input"]
import time

import torch
from IPython.display import Markdown
from sklearn.datasets import load_digits
from torch import nn
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.paper import grammar, paths
from lkutils.paper.datasets import at_hand, find_images
from lkutils.paper.networks import ResNet, load_weights
from lkutils.paper.shipped import open_study

# %%
started = time.perf_counter()
check_given("b2_your_network", globals())
samples = samples or (4 if profile == "smoke" else 20)
torch.manual_seed(seed)


def train(network, logits_of, labels, epochs):
    """Any way of training will do; this is AdamW with one cycle of the rate."""
    optimizer = torch.optim.AdamW(network.parameters())
    steps = epochs * -(-len(labels) // 64)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits_of(batch), labels[batch]).backward()
            optimizer.step()
            rate.step()
    network.eval()


# %% [markdown]
# ## Images
#
# A small convolutional network, on the digits of 8x8 pixels that come with scikit-learn. Every fifth one is kept for
# testing. This is the part that is yours already:

# %%
digits = load_digits()
pixels = torch.from_numpy(digits.images).float()[:, None] / 16
classes = torch.from_numpy(digits.target)
is_test = torch.arange(len(classes)) % 5 == 0
every = 3 if profile == "smoke" else 1
images, labels = pixels[~is_test][::every], classes[~is_test][::every]


def convolution(channels_in, channels):
    return nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU())


network = nn.Sequential(convolution(1, 8), convolution(8, 16), nn.MaxPool2d(2))
network.extend([convolution(16, 16), convolution(16, 16)])
network.extend([nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10)])
train(network, lambda batch: network(images[batch]), labels, epochs=12)

is_right = network(pixels).argmax(1) == classes
x, y = pixels[is_test & is_right][:samples], classes[is_test & is_right][:samples]

# %% tags=["hide-input"]
Markdown(
    f"It classifies {is_right[is_test].float().mean():.1%} of {is_test.sum()} test images correctly. The games are "
    f"played on the first {len(x)} of these."
)

# %% [markdown]
# And these are the ten lines. `probe` fits a linear classifier on the feature of each layer that the pattern names, to
# the optimum. *Players* are patches of 2x2 pixels, drawn at random for each image. `play` masks: each patch that is
# missing shows the mean image. `interactions` finds the sparsest AND-OR interactions of every layer, `follow` compares
# them with the output's, and the last line draws.

# %% mystnb={"figure": {"caption": "A convolutional network on small digits: AND interactions that each of its four convolutions shares with the output (grey), that the output will have forgotten (orange), and that are still to come (blue), by order, as in Fig. 3(a) of the paper.", "name": "fig-b2-images"}}
import lkutils as lk

probed = lk.probe(network, "[0134]", images, labels)
players = lk.players.patches(x.shape[1:], size=2, n=8, samples=len(x))
game = lk.play(probed, x, y, players, baseline=images.mean(0))
found = lk.interactions(game)
followed = lk.follow(found)
lk.plot.tracking(followed)

# %% [markdown]
# Every result is a labelled array (`xarray`), so that there is no axis to count and no index to remember. Single
# interactions can be looked at where they lie:

# %% mystnb={"figure": {"caption": "The strongest interactions of the output for one digit (left), and the strongest of those that the output has forgotten (right), with their effect in every layer.", "name": "fig-b2-digit"}}
lk.plot.on_image(found, game, sample=0, image=x[0])

# %% [markdown]
# ## Sentences
#
# A transformer of three blocks, of Hugging Face's own classes, on sentences of a small grammar in which two words make
# the verdict: "honestly , the plot is **not good** , today" by an AND, "overall , the cast was **fine or fun** here" by
# an OR. Some labels are wrong, at random, so that the best possible network is not infinitely sure of any verdict. A
# network that is to be asked about masked words should have met the mask token, so three words in ten are masked in
# training, anew in each batch.

# %%
tokenizer = grammar.grammar_tokenizer()
count, epochs = (400, 4) if profile == "smoke" else (3000, 16)
words, verdicts = grammar.draw_sentences(count, seed)
texts, truth = [" ".join(sentence) for sentence in words], torch.tensor(verdicts)
noisy = truth ^ (torch.rand(count) < grammar.WRONG_LABELS)
sentences = dict(
    tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
)


def masked(part):
    """The same sentences with three words in ten masked."""
    ids = part["input_ids"]
    chosen = (torch.rand(ids.shape) < 0.3) & (ids >= len(grammar.SPECIAL))
    return part | {"input_ids": ids.masked_fill(chosen, tokenizer.mask_token_id)}


# %%
size = {"dim": 64, "n_layers": 3, "n_heads": 2, "hidden_dim": 256}
config = DistilBertConfig(vocab_size=len(tokenizer), initializer_range=0.07, **size)
reader = DistilBertForSequenceClassification(config)


def logits_of(batch):
    part = {name: column[batch] for name, column in sentences.items()}
    return reader(**masked(part)).logits


train(reader, logits_of, noisy, epochs)

# %% [markdown]
# Here the players are words, with all the tokens that a word is cut into; a missing one is replaced by the mask token,
# and `keep` says which words may go missing at all. The attention mask stays with the tokens, so padding is never
# read. A block's feature is its first token, which is what this network's head reads. That head is a linear layer, a
# ReLU and another linear layer; "head" is what the last of them reads, and there a linear probe can be just what the
# network is. The probes are fitted on sentences masked as in training.

# %% mystnb={"figure": {"caption": "A transformer on sentences of a known grammar: AND interactions that its three blocks and its head share with the output (grey), that the output will have forgotten (orange), and that are still to come (blue).", "name": "fig-b2-sentences"}}
blocks = {f"block {k + 1}": f"distilbert.transformer.layer.{k}" for k in range(3)}
layers = {**blocks, "head": "dropout"}
pool = dict.fromkeys(blocks, "first") | {"head": "flatten"}
read = lk.probe(reader, layers, masked(sentences), noisy, pool=pool)

asked = {name: column[:samples] for name, column in sentences.items()}
word_players = lk.players.words(
    texts[:samples], tokenizer, keep=lambda word: word not in grammar.BACKGROUND
)
mask = tokenizer.mask_token_id
text_game = lk.play(read, asked, truth[:samples], word_players, baseline=mask)
text_found = lk.interactions(text_game)
text_followed = lk.follow(text_found)
lk.plot.tracking(text_followed)

# %% mystnb={"figure": {"caption": "The strongest interactions of the first sentence, in words, and their effect in every layer. See which words act together, and in which layer they begin to.", "name": "fig-b2-words"}}
lk.plot.in_words(text_found, sample=0)

# %% [markdown]
# **Is it the right answer?** In every sentence two words make the verdict: by an AND ("not good") or by an OR ("fine
# or fun"). `top` lists the strongest interactions by name; for each sentence we ask whether the strongest one of the
# output is of just these two words, and of the right kind.


# %%
def known(sentence):
    """Kind and players of the interaction that makes the verdict."""
    first, second = grammar.player_places(sentence)[3:5]
    kind = "or" if "or" in sentence[first:second] else "and"
    return kind, f"{sentence[first]}, {sentence[second]}"


expected = [known(sentence) for sentence in words[:samples]]
strongest = [lk.top(text_found, k, 1).iloc[0] for k in range(samples)]
hits = [
    (top["kind"], top["players"]) == pair
    for top, pair in zip(strongest, expected, strict=True)
]

# %% tags=["hide-input"]
table(
    ["Sentence", "Known", "Strongest found", "Effect (log-odds)"],
    [
        [
            text,
            f"{kind.upper()}: {pair}",
            f"{top['kind'].upper()}: {top['players']}",
            f"{top['output']:.2f}",
        ]
        for text, (kind, pair), top in list(
            zip(texts, expected, strongest, strict=False)
        )[:8]
    ],
)

# %% [markdown]
# ## Which sentences should a probe see?
#
# The paper fits its probes on whole training samples, and then asks them about masked ones. Here are probes of both
# kinds, each with several weights of the penalty, for the last block and for the head. The head is read linearly, so
# its completeness ought to be near 1; between the last block and the head lies a ReLU, so the block's may be lower.

# %%
penalties = [1e-3] if profile == "smoke" else [1e-1, 1e-2, 1e-3]
last = {"block 3": layers["block 3"], "head": layers["head"]}
last_pool = {name: pool[name] for name in last}
control = {}
for name, inputs in {"whole": sentences, "masked": masked(sentences)}.items():
    for l2 in penalties:
        again = lk.probe(reader, last, inputs, noisy, pool=last_pool, l2=l2)
        replay = lk.play(again, asked, truth[:samples], word_players, baseline=mask)
        control[name, l2] = lk.follow(lk.interactions(replay))["completeness"]


def with_bounds(ratio):
    """An estimate with its interval, where there are samples enough for one."""
    low, estimate, high = ratio.sel(bound=["low", "estimate", "high"]).values
    interval = f" [{low:.2f}, {high:.2f}]" if low == low else ""
    return f"{estimate:.2f}{interval}"


# %% tags=["hide-input"]
table(
    ["Probes fitted on", "Penalty", "Kind", "Block 3", "Head"],
    [
        [
            f"{name} sentences",
            f"{l2:g}",
            kind.upper(),
            *(with_bounds(ratio.sel(kind=kind, order=2, layer=at)) for at in last),
        ]
        for (name, l2), ratio in control.items()
        for kind in ("and", "or")
    ],
)

# %% [markdown]
# Completeness of order 2, the order of the interactions that make the verdict, with its 95 % interval.
#
# ## Two networks on the same samples
#
# `compare` is the intersection over union of Sec. 3.3 (Eq. 9), with what two random sets of the same sizes would share
# by chance. It refuses games of other samples or other players. Here ResNet-20 and ResNet-32 on CIFAR-10: where their
# public weights and the data are at hand, both play the same patches of the same images, as your own would; where they
# are not, the shipped games are compared.

# %%
FILES = {"ResNet-20": "resnet20-12fca82f.th", "ResNet-32": "resnet32-d509ac18.th"}
weights = {name: paths.data_dir() / "weights" / file for name, file in FILES.items()}
are_here = "cifar10" in at_hand() and all(path.exists() for path in weights.values())
plays = profile == "paper" and are_here


def played(name, blocks, count):
    """The interactions of a public network on the first test images of CIFAR-10."""
    network, cifar = ResNet(blocks, 3, 10), find_images("cifar10")
    load_weights(network, weights[name])
    (train, train_labels), (test, test_labels) = map(cifar.read, ("train", "test"))
    train, test = cifar.normalised(train[:2000]), cifar.normalised(test[:count])
    probed = lk.probe(network, "layer?", train, train_labels[:2000], pool="mean")
    players = lk.players.patches((32, 32), 4, 10, count, seed)
    game = lk.play(probed, test, test_labels[:count], players, train.mean(0))
    return lk.interactions(game)


# %%
if plays:
    few = min(samples, 12)
    pair = {name: played(name, k, few) for name, k in zip(FILES, (3, 5), strict=True)}
else:
    shipped = {
        "paper": ["cifar10/resnet20", "cifar10/resnet32"],
        "smoke": ["digits/mlp7", "digits/resnet20"],
    }
    pair = open_study(profile, shipped[profile], samples=samples).found
compared = lk.compare(*pair.values())
n_samples = next(iter(pair.values())).sizes["sample"]

# %% tags=["hide-input"]
first, second = map(str, pair)
how = (
    "played here, on patches of 4x4 pixels, with probes on three layers"
    if plays
    else "from the games that exist already"
)
Markdown(f"On this page: **{first}** and **{second}**, {how}; {n_samples} samples.")

# %% mystnb={"figure": {"caption": "Two networks on the same samples and players: AND interactions that their layers share with the output (grey), that the output will have forgotten (orange), and that are still to come (blue), by order.", "name": "fig-b2-pair"}}
lk.plot.tracking({name: lk.follow(part) for name, part in pair.items()})

# %% tags=["hide-input"]
shown = [
    (kind, order)
    for kind in ("and", "or")
    for order in compared["order"].values
    if compared["n_defined"].sel(kind=kind, order=order) > n_samples / 2
]
table(
    ["Kind", "Order", "IoU of the outputs", "By chance", "Samples"],
    [
        [
            kind.upper(),
            order,
            with_bounds(compared["iou"].sel(kind=kind, order=order)),
            f"{compared['chance'].sel(kind=kind, order=order, bound='estimate'):.2f}",
            compared["n_defined"].sel(kind=kind, order=order).item(),
        ]
        for kind, order in shown
    ],
)

# %% [markdown]
# With 95 % intervals, where there are ten samples or more. An order is left out when at most half of the samples have a
# salient interaction of it in either network.
#
# ## What we found

# %% tags=["hide-input"]
image_ratio = followed["completeness"].sel(kind="and", layer="4")
spread = {}
for (which, _), ratio in control.items():
    numbers = ratio.sel(order=2, layer=list(last), bound="estimate")
    spread.setdefault(which, []).append(numbers)
ranges = {
    (which, layer): f"{min(values):.2f} to {max(values):.2f}"
    for which, parts in spread.items()
    for layer in last
    for values in [[v for part in parts for v in part.sel(layer=layer).values]]
}
beyond = sum(
    bool(
        compared["iou"].sel(kind=kind, order=order, bound="low")
        > compared["chance"].sel(kind=kind, order=order, bound="estimate")
    )
    for kind, order in shown
)

# %% tags=["hide-input"]
Markdown(
    f"""
- **Images.** The last convolution has {with_bounds(image_ratio.sel(order=1))} of the output's AND interactions of
  order 1, and {with_bounds(image_ratio.sel(order=2))} of order 2.
- **Sentences.** In {sum(hits)} of {len(hits)} sentences the strongest interaction of the output is the known pair of
  words, and of the known kind.
- **The control.** Completeness of order 2, AND and OR, over all penalties: of what the head reads,
  {ranges["masked", "head"]} with probes fitted on sentences masked as in the network's training, and
  {ranges["whole", "head"]} with probes fitted on whole ones; of the last block, {ranges["masked", "block 3"]} and
  {ranges["whole", "block 3"]}. The feature is the same in both. Games are played on masked sentences, and a probe that
  has not seen any may answer them in another way than the network does. So a low completeness of a layer can say more
  about what its probe was fitted on than about the layer.
- **Two networks.** The outputs of {first} and {second} share more interactions than by chance, with the
  whole interval, in {beyond} of the {len(shown)} kinds and orders of the table.
"""
)

# %% [markdown]
# ## Run facts

# %% tags=["hide-input"]
parts = [found, text_found, *pair.values()]
run_facts(started, max(float(part["gap"].max()) for part in parts))
