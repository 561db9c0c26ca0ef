import pytest
import torch

from lkutils.mobius import coalition_sizes
from lkutils.symmetry import SymmetricInverse, multiplets


@pytest.mark.parametrize("n", range(9))
@pytest.mark.parametrize("columns", [3, 20])  # fewer and more than a group of players has coalitions
def test_symmetric_inverse_equals_a_dense_solve(n, columns):
    sizes = coalition_sizes(n)
    shared = sizes[torch.arange(2**n)[:, None] & torch.arange(2**n)]
    matrix = shared + torch.diag(5.0 + sizes) + (2.0**n)  # depends on |S|, |T| and |S and T| only
    right = torch.randn(2**n, columns, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    solved = SymmetricInverse(n, lambda x: matrix.double() @ x)(right)
    assert torch.allclose(solved, torch.linalg.solve(matrix.double(), right), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n", range(9))
def test_multiplets_are_an_orthonormal_basis_sorted_by_order(n):
    groups = multiplets(n)
    basis = torch.cat([group.flatten(0, 1) for group in groups])
    assert torch.allclose(basis @ basis.T, torch.eye(2**n, dtype=torch.float64), atol=1e-14)
    sizes = coalition_sizes(n)
    for group in groups:
        lowest = (n + 1 - len(group)) // 2
        for place, copies in enumerate(group):
            assert (copies[:, sizes != lowest + place] == 0).all()
