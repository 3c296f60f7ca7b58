"""Teacher frames: starts of every kind, verdicts, files that are taken up again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.morse import MorsePotential
from ase.io import read
from typer.testing import CliRunner

from ase_voxpot.errors import ConfigError
from voxpot_training.teacher.__main__ import app
from voxpot_training.teacher.config import TeacherConfig, TeacherSpec
from voxpot_training.teacher.generate import Teachers, check_kinds, frames_of_start, make_teacher
from voxpot_training.teacher.structures import KINDS, start

LATTICE = {"Mo": 3.17, "Ta": 3.32, "W": 3.19}
MORSE = TeacherSpec(factory="ase.calculators.morse:MorsePotential")


def config(**changes):
    values = {"teacher": MORSE, "lattice": LATTICE, "kinds": {"solution": 1.0}, "settle": 2, "stride": 2, "samples": 2}
    return TeacherConfig(**(values | changes))


def morse(scale: float = 1.0) -> Calculator:
    return MorsePotential(epsilon=0.4 * scale, r0=2.8, rho0=4.0, rcut1=3.6, rcut2=4.0)


MOST = {"boundary": 280}  # two grains, each thick enough for its surface not to be felt
FEWEST = {"cluster": 2, "gas": 2, "pair": 2, "squeezed": 2}
CLOSEST = {"gas": 0.6}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_start_is_a_sound_structure(kind):
    for seed in range(6):
        atoms = start(kind, LATTICE, np.random.default_rng(seed)).atoms

        distances = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
        assert FEWEST.get(kind, 15) <= len(atoms) <= MOST.get(kind, 130)
        assert set(atoms.symbols) <= set(LATTICE)
        assert atoms.cell.rank == 3
        assert atoms.pbc.all()
        assert distances.min() > CLOSEST.get(kind, 0.8)


def test_metals_hold_one_element_at_many_volumes():
    rng = np.random.default_rng(2)

    cells = [start("metal", LATTICE, rng).atoms for _ in range(150)]

    assert {len(set(atoms.symbols)) for atoms in cells} == {1}
    assert {str(atoms.symbols[0]) for atoms in cells} == set(LATTICE)
    bulk = [atoms for atoms in cells if len(atoms) == 54 and atoms.cell.lengths().max() < 11]
    ratios = [a.get_volume() / len(a) / (LATTICE[a.symbols[0]] ** 3 / 2) for a in bulk]
    assert 0.8 < min(ratios) < 0.9
    assert 1.1 < max(ratios) < 1.2
    assert {53, 54} <= {len(atoms) for atoms in cells}
    assert any(atoms.cell.lengths().max() > 20 for atoms in cells)  # slabs


def test_squeezed_cells_span_all_volumes_and_gas_all_distances():
    rng = np.random.default_rng(1)

    cells = [start("squeezed", LATTICE, rng).atoms for _ in range(200)]
    molecules = [start("gas", LATTICE, rng).atoms for _ in range(200)]

    usual = [np.mean([LATTICE[s] ** 3 / 2 for s in atoms.symbols]) for atoms in cells]
    ratios = [atoms.get_volume() / len(atoms) / v for atoms, v in zip(cells, usual, strict=True)]
    nearest = [atoms.get_all_distances()[0, 1] for atoms in molecules]
    assert 0.25 < min(ratios) < 0.4
    assert 1.3 < max(ratios) < 1.8
    assert {len(atoms) for atoms in molecules} == {2, 3, 4, 5}
    assert min(nearest) < 1.0
    assert max(nearest) > 5.0


def test_pairs_hold_the_first_element_at_all_distances():
    rng = np.random.default_rng(3)
    first = next(iter(LATTICE))

    pairs = [start("pair", LATTICE, rng).atoms for _ in range(200)]

    assert {len(atoms) for atoms in pairs} == {2}
    assert {str(atoms.symbols[0]) for atoms in pairs} == {first}
    assert {str(atoms.symbols[1]) for atoms in pairs} == set(LATTICE)
    distances = np.sort([atoms.get_distance(0, 1) for atoms in pairs])
    assert np.diff([1.2, *distances, 5.4]).max() < 0.2


def test_a_start_is_the_same_for_the_same_number():
    first, again = (list(frames_of_start(3, config(), Teachers(morse(), ()), Counter())) for _ in range(2))

    assert len(first) == 2
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.arrays["REF_forces"], b.arrays["REF_forces"])


def test_a_driver_moves_the_atoms():
    first, other = (
        next(frames_of_start(3, config(settle=30), Teachers(morse(), (), driver), Counter()))
        for driver in (None, morse(2.0))
    )

    assert np.abs(first.positions - other.positions).max() > 1e-3


@pytest.mark.parametrize("driver", [None, morse(0.9)])
def test_labels_are_those_of_the_teacher(driver):
    frame = next(frames_of_start(0, config(), Teachers(morse(), (morse(1.02),), driver), Counter()))

    frame.calc = morse()
    np.testing.assert_allclose(frame.info["REF_energy"], frame.get_potential_energy(), rtol=1e-12)
    np.testing.assert_allclose(frame.info["REF_stress"], frame.get_stress(), rtol=1e-9, atol=1e-12)


def test_energies_may_be_those_of_another_calculator():
    teachers = Teachers(morse(), (), energies=morse(0.5))

    frame = next(frames_of_start(0, config(), teachers, Counter()))

    frame.calc = morse()
    assert frame.info["REF_energy"] == pytest.approx(0.5 * frame.get_potential_energy(), rel=1e-12)
    np.testing.assert_allclose(frame.arrays["REF_forces"], frame.get_forces(), rtol=1e-9, atol=1e-12)


def test_frames_on_which_teachers_disagree_are_dropped_and_counted():
    fate = Counter()

    kept = list(frames_of_start(0, config(force_floor=0.0), Teachers(morse(), (morse(3.0),)), fate))

    assert kept == []
    assert fate == {"teachers disagree": 2}


def test_frames_squeezed_too_far_are_dropped_and_counted():
    fate: Counter[str] = Counter()
    wanted = config(kinds={"squeezed": 1.0}, least_volume=0.8, force_limit=1e6)

    kept = [frame for number in range(20) for frame in frames_of_start(number, wanted, Teachers(morse(), ()), fate)]

    assert fate["kept"] == len(kept) > 0
    assert fate["squeezed too far"] == 20 - len(kept) > 0
    for frame in kept:
        assert frame.get_volume() >= 0.8 * sum(LATTICE[s] ** 3 / 2 for s in frame.symbols)


def test_a_teacher_that_diverges_ends_its_start():
    class Diverging(Calculator):
        implemented_properties = ("energy", "forces", "stress")

        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            self.results = {"energy": 0.0, "forces": np.full((len(atoms), 3), 99.0), "stress": np.zeros(6)}

    fate = Counter()

    assert list(frames_of_start(0, config(), Teachers(Diverging(), ()), fate)) == []
    assert fate == {"forces too large": 1}


def test_unknown_kinds_and_teachers_are_named():
    with pytest.raises(ConfigError, match="unknown plasma; known are solution"):
        check_kinds(config(kinds={"plasma": 1.0}))
    with pytest.raises(ConfigError, match="expected module:factory"):
        make_teacher(TeacherSpec(factory="no_such_module:Nothing"))


def test_a_file_is_taken_up_again(tmp_path):
    toml = tmp_path / "teacher.toml"
    toml.write_text(
        "frames = 4\nsettle = 1\nstride = 1\nsamples = 2\nforce_limit = 1e6\n"
        'teacher = { factory = "ase.calculators.morse:MorsePotential" }\n'
        "lattice = { Mo = 3.17, W = 3.19 }\nkinds = { solution = 1.0 }\n"
    )
    out = tmp_path / "frames.extxyz"
    runner = CliRunner()

    runner.invoke(app, [str(toml), "--out", str(out), "--frames", "2"], catch_exceptions=False)
    result = runner.invoke(app, [str(toml), "--output", str(out)], catch_exceptions=False)

    assert result.exit_code == 0
    assert [a.info["note"] for a in read(out, ":")] == [0, 0, 1, 1]
    whole = tmp_path / "whole.extxyz"
    runner.invoke(app, [str(toml), "-o", str(whole)], catch_exceptions=False)
    assert whole.read_text() == out.read_text()


def test_a_wrong_config_is_one_sentence_and_status_two(tmp_path):
    toml = tmp_path / "teacher.toml"
    toml.write_text("frame = 4\n")

    result = CliRunner().invoke(app, [str(toml), "--out", str(tmp_path / "x.extxyz")])

    assert result.exit_code == 2
    assert "unknown key 'frame'" in " ".join(result.output.split())


def test_alloys_of_given_volumes_are_dropped_and_counted():
    fate: Counter[str] = Counter()
    wanted = config(kinds={"squeezed": 1.0}, no_alloys=(0.5, 1.2), force_limit=1e6)

    kept = [frame for number in range(30) for frame in frames_of_start(number, wanted, Teachers(morse(), ()), fate)]

    assert fate["alloys of that volume"] == 30 - len(kept) > 0
    ratios = [a.get_volume() / sum(LATTICE[s] ** 3 / 2 for s in a.symbols) for a in kept]
    assert any(0.5 < ratio < 1.2 for ratio in ratios)
    assert all(len(set(a.symbols)) == 1 for a, r in zip(kept, ratios, strict=True) if 0.5 < r < 1.2)
    with pytest.raises(ConfigError, match="no_alloys: expected a lower and an upper volume"):
        config(no_alloys=(1.2, 0.5))
