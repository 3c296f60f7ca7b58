from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from ase_voxpot.frames.labels import Labels
from ase_voxpot.plotting.figures import draw_parity
from ase_voxpot.scoring import Prediction, score


@pytest.mark.parametrize("groups", [1, 14])
@pytest.mark.parametrize("stress", [None, np.ones(6)])
def test_a_scoring_is_drawn_with_and_without_stress(tmp_path, rng, groups, stress):
    frames = [Atoms("MoW", positions=rng.normal(size=(2, 3)), cell=[5, 5, 5], pbc=True) for _ in range(groups)]
    labels = [Labels(energy=-1.0, forces=rng.normal(size=(2, 3)), stress=stress, group=f"g{k}") for k in range(groups)]
    result = [Prediction(energy=-1.1, forces=l.forces, stress=np.zeros(6)) for l in labels]

    draw_parity(tmp_path / "parity.png", frames, labels, result, score(frames, labels, result))

    assert (tmp_path / "parity.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["parity.png"]
