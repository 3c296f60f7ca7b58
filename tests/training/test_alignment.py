"""Zeros and pressures of another code, from labels less predictions."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from typer.testing import CliRunner

from ase_voxpot import VoxPotCalculator
from ase_voxpot.errors import DataError
from ase_voxpot.frames.labels import Labels
from voxpot_training.potential.alignment import align, app
from voxpot_training.zeros import Zero

VOLUMES = {"Mo": 15.9, "W": 16.2}
ZERO = Zero(offsets={"Mo": 0.4, "W": -1.1}, pressures={"Mo": 2.0, "W": -0.5}, mixing_pressure=-1.7, volumes=VOLUMES)


def structures():
    """Metals at three volumes, and alloys of two compositions at several."""
    found = []
    for symbol, volume in VOLUMES.items():
        found += [bulk(symbol, "bcc", a=(2 * volume * f) ** (1 / 3)) for f in (0.95, 1.0, 1.05)]
    for count, edge in ((1, 3.1), (1, 3.2), (2, 3.15), (3, 3.17), (3, 3.25)):
        cell = bulk("W", "bcc", a=edge, cubic=True).repeat((2, 1, 1))
        cell.symbols[:count] = "Mo"
        found.append(cell)
    return found


def labels(frames, predicted):
    """Energies that ``ZERO`` brings in line with the predicted ones."""
    plain = [Labels(energy=0.0, forces=np.zeros((len(a), 3)), stress=None, group="") for a in frames]
    return predicted - np.array([ZERO.applied(label, a).energy for label, a in zip(plain, frames, strict=True)])


def test_what_another_code_has_more_is_found():
    frames = structures()
    predicted = np.random.default_rng(0).normal(size=len(frames))

    found = align(frames, labels(frames, predicted), predicted, VOLUMES)

    assert found.alloys == 5
    assert found.after == pytest.approx(0, abs=1e-6)
    assert found.before > 1
    assert found.zero.offsets == pytest.approx(ZERO.offsets)
    assert found.zero.pressures == pytest.approx(ZERO.pressures)
    assert found.zero.mixing_pressure == pytest.approx(ZERO.mixing_pressure)


def test_metals_far_from_rest_do_not_count():
    frames = [*structures(), bulk("W", "bcc", a=3.6)]
    predicted = np.zeros(len(frames))
    energies = labels(frames, predicted)
    energies[-1] += 10

    assert align(frames, energies, predicted, VOLUMES).zero.pressures == pytest.approx(ZERO.pressures)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (lambda a: len(set(a.symbols)) == 1, "expected alloys beside the metals, got none"),
        (lambda a: len(a) > 1 or a.symbols[0] == "W", "Mo: expected two volumes or more within 7.5% .*, got 0"),
    ],
)
def test_frames_that_do_not_suffice_are_refused(chosen, message):
    frames = [atoms for atoms in structures() if chosen(atoms)]

    with pytest.raises(DataError, match=message):
        align(frames, np.zeros(len(frames)), np.zeros(len(frames)), VOLUMES)


def test_the_command_line_prints_lines_of_a_config(tmp_path):
    frames, calculator = structures(), VoxPotCalculator("motaw-fast", dtype="float64")
    predicted = np.array([calculator.get_potential_energy(atoms) for atoms in frames])
    for atoms, energy in zip(frames, labels(frames, predicted), strict=True):
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
    write(tmp_path / "a.extxyz", frames)

    result = CliRunner().invoke(app, ["motaw-fast", str(tmp_path / "a.extxyz")])

    assert result.exit_code == 0, result.output
    assert "pressures = { Mo = 2.00, W = -0.50 }" in result.stdout
    assert "5 alloys: 0.1 meV/atom remain (MAE)" in result.stdout  # its own volumes are not quite those of ``ZERO``

    refused = CliRunner().invoke(app, ["motaw-fast", str(tmp_path / "b.extxyz")])
    assert refused.exit_code == 2
