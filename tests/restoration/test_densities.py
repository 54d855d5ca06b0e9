from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.media.picture import PRINTING_DENSITY, UNKNOWN
from restoration_tasks.restoration.densities import density, share


@pytest.mark.parametrize("transfer", [UNKNOWN, "bt709", "linear", PRINTING_DENSITY, "log100", "log316"])
def test_there_and_back(transfer):
    shares = np.linspace(0.001, 1, 4000, dtype=np.float32).reshape(-1, 2, 4)
    assert np.abs(share(density(shares, transfer), transfer) - shares).max() < 2e-6


def test_codes_are_transmission_but_in_log_scans():
    assert density(np.array([1.0, 0.1, 0.01, 0.0]), "bt709") == pytest.approx([0, 1, 2, 3.612], abs=1e-3)
    assert density(np.array([685, 185, 735]) / 1023, PRINTING_DENSITY) == pytest.approx([0, 1, -0.1], abs=1e-5)
    assert density(np.array([1.0, 0.5]), "log100") == pytest.approx([0, 1])
