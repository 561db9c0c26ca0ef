import numpy as np
import pytest
import xarray as xr

from lkutils.storage import checksum, replacing, store


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
    assert xr.load_dataset(tmp_path / "game.nc", engine="h5netcdf").identical(dataset)


def test_a_checksum_knows_shape_type_content_order_and_text():
    array = np.arange(6)
    others = [array.reshape(2, 3), array.astype(float), array + 1, array.reshape(2, 3).T, array[::-1]]
    sums = [checksum(array), checksum(array, "x"), *map(checksum, others)]
    assert len(set(sums)) == len(sums)
    assert checksum(array.reshape(2, 3)) == checksum(np.asfortranarray(array.reshape(2, 3)))
