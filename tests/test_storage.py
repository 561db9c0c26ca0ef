import numpy as np
import pytest
import xarray as xr

from lkutils.storage import DamagedFileError, checksum, found_or_made, is_intact, load, replacing, seal, store, unseal


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("before")

    def write_half():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
    assert path.read_text() == "before"


def test_two_writers_of_one_file_have_two_names(tmp_path):
    path = tmp_path / "new" / "notes.txt"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the outer one ends last
    assert len(list(path.parent.iterdir())) == 1


def test_what_is_stored_is_read_back(tmp_path):
    dataset = xr.Dataset({"values": (("sample", "coalition"), np.arange(8.0).reshape(2, 4))}, attrs={"name": "game"})
    store(dataset, tmp_path / "game.nc")
    assert load(tmp_path / "game.nc").identical(dataset)
    assert xr.load_dataset(tmp_path / "game.nc", engine="h5netcdf").identical(dataset)  # who knows nothing of seals


@pytest.mark.parametrize("kind", ["int8", "int32", "int64"])
def test_whole_numbers_of_both_signs_are_read_back_and_compress(tmp_path, kind):
    ends = np.iinfo(kind)
    dataset = xr.Dataset({"multiples": ("coalition", np.array([0, 1, -1, ends.max, ends.min], kind), {"units": "1"})})
    store(dataset, tmp_path / "few.nc")
    assert load(tmp_path / "few.nc").identical(dataset)
    assert load(tmp_path / "few.nc")["multiples"].dtype == kind
    small = np.random.default_rng(0).integers(-8, 8, 10_000).astype(kind)
    sizes = []
    for numbers in (small, abs(small)):
        store(xr.Dataset({"multiples": ("coalition", numbers)}), tmp_path / "many.nc")
        sizes.append((tmp_path / "many.nc").stat().st_size)
    assert sizes[0] < 1.6 * sizes[1]  # one bit more than the three without signs, and not four bytes


def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path):
    path, random = tmp_path / "game.nc", np.random.default_rng(0)
    store(xr.Dataset({"values": ("coalition", random.normal(size=64))}, attrs={"name": "a game"}), path)
    content = path.read_bytes()
    for place in [*random.integers(len(content), size=300).tolist(), 0, len(content) - 1]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match=r"game\.nc is truncated, altered"):
            load(path)
    for length in [*random.integers(len(content), size=60).tolist(), 0]:
        path.write_bytes(content[:length])
        with pytest.raises(DamagedFileError, match=r"game\.nc is truncated, altered"):
            load(path)
    path.write_bytes(content + b"more")
    with pytest.raises(DamagedFileError):
        load(path)


def test_a_copy_under_another_name_is_refused(tmp_path):
    seal(b"content", tmp_path / "one")
    (tmp_path / "two").write_bytes((tmp_path / "one").read_bytes())
    assert unseal(tmp_path / "one") == b"content"
    with pytest.raises(DamagedFileError, match=r"two is .* the copy of a file of another name"):
        unseal(tmp_path / "two")


def test_what_is_damaged_is_made_again_with_one_line(tmp_path, capsys):
    path, made = tmp_path / "cached.nc", []

    def make():
        made.append(path)
        return xr.Dataset({"number": len(made)})

    assert not is_intact(path)
    assert [found_or_made([path], make)["number"].item() for _ in range(2)] == [1, 1]
    assert capsys.readouterr().err == ""
    path.write_bytes(path.read_bytes()[:-1])
    assert found_or_made([path], make)["number"].item() == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_what_is_shipped_comes_first_and_is_not_made_again(tmp_path):
    places = [tmp_path / "shipped" / "one.nc", tmp_path / "cache" / "one.nc"]
    assert found_or_made(places, lambda: xr.Dataset({"number": 1}))["number"] == 1
    assert [place.exists() for place in places] == [False, True]
    store(xr.Dataset({"number": 2}), places[0])
    assert found_or_made(places, lambda: pytest.fail("made"))["number"] == 2
    places[0].write_bytes(places[0].read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match="shipped"):
        found_or_made(places, lambda: pytest.fail("made"))


def test_a_wrong_path_is_no_full_disk(tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder: nothing can be written below it")
    with pytest.raises(NotADirectoryError):
        found_or_made([tmp_path / "cache" / "one.nc"], lambda: xr.Dataset({"number": 1}))


def test_a_checksum_knows_shape_type_content_order_and_text():
    array = np.arange(6)
    others = [array.reshape(2, 3), array.astype(float), array + 1, array.reshape(2, 3).T, array[::-1]]
    sums = [checksum(array), checksum(array, "x"), *map(checksum, others)]
    assert len(set(sums)) == len(sums)
    assert checksum(array.reshape(2, 3)) == checksum(np.asfortranarray(array.reshape(2, 3)))
