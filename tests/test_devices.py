"""Free memory knows the limits of containers and shells; numbers of threads are put back."""

import resource

import psutil
import pytest
import torch
from processes import Forked

from lkutils import devices

CPU = torch.device("cpu")


def test_memory_is_what_the_machine_has_where_nothing_limits_it(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "CGROUPS", [(tmp_path, "memory.max", "memory.current")])
    assert devices.free_memory(CPU) == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    (tmp_path / "memory.stat").write_text("anon 7\n")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("5\n")
    assert devices.left_by_limits() == []


@pytest.mark.parametrize(("limit", "used", "left"), [(5000, 2000, 3300), (1000, 2000, 0)])
def test_a_container_has_less(monkeypatch, tmp_path, limit, used, left):
    monkeypatch.setattr(devices, "CGROUPS", [(tmp_path, "memory.max", "memory.current")])
    (tmp_path / "memory.stat").write_text("anon 7\ninactive_anon 9\ninactive_file 300\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{used}\n")
    assert devices.free_memory(CPU) == left


def test_so_has_a_shell_with_a_limit(tmp_path):
    output = tmp_path / "output"

    def limited():
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, resource.RLIM_INFINITY))
        assert 0 < devices.free_memory(CPU) <= 2**27

    assert Forked(limited, output).status() == 0, output.read_text()


def test_threads_are_put_back_after_an_error():
    before = torch.get_num_threads()

    def fail():
        with devices.threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert torch.get_num_threads() == before
