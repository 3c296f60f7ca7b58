from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.units import GPa, fs, kB
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError, DivergenceError, UnknownElementError
from ase_voxpot.validation.comparison import by_magnitude, compare_energies, compare_forces, compare_stress, predict
from ase_voxpot.validation.reading import read_run
from ase_voxpot.validation.sampling import conditions, sample
from ase_voxpot.validation.settings import cautions, functional_of
from ase_voxpot.validation.validate import validate
from ase_voxpot.validation.verdict import findings, overall

CARD = {"method": {"code": "VASP", "functional": "PBE", "cutoff": 520.0}}


@pytest.fixture(scope="module")
def run(written):
    return read_run([written / "vasprun.xml"])


@pytest.fixture(scope="module")
def predicted(run, small_potential):
    return predict(small_potential, run)


@pytest.fixture(scope="module")
def found(run, small_potential):
    return validate(small_potential, run, model="small", card=CARD, temperature=300.0, cap=25, seed=1)


def test_a_model_against_itself_is_not_off(run, predicted):
    energies = compare_energies(run, predicted, "free")
    assert energies.mae < 1e-4
    assert energies.correlation > 0.999999
    assert compare_forces(run.forces, predicted.forces).rmse < 1e-3
    assert compare_stress(run.stress, predicted.stress).mae < 1e-5


def test_energy_figures_by_hand(run, predicted):
    # 8 atoms: 16 meV are 2 meV/atom, every other frame 8 meV more; 40 frames of 2 fs
    error = 0.016 + 0.008 * (np.arange(40) % 2)
    figures = compare_energies(run, replace(predicted, energies=run.energies["free"] + error), "free")
    assert_allclose([figures.offset, figures.mae, figures.mae_offset, figures.rmse_offset], [2.5, 2.5, 0.5, 0.5])
    assert_allclose(figures.rmse, np.sqrt((4 + 9) / 2))
    slope = replace(predicted, energies=run.energies["free"] + 0.008 * np.arange(40) * 0.002)
    assert_allclose(compare_energies(run, slope, "free").drift, 1.0)  # meV/atom/ps
    assert compare_energies(run, slope, "free").smearing == 0


def test_force_figures_by_hand():
    reference = np.array([[[3.0, 0, 0], [0, 4.0, 0]]])
    figures = compare_forces(reference, np.array([[[3.0, 0.3, 0], [0, 0, 4.0]]]))
    assert_allclose(figures.mae, 1000 * (0.3 + 8) / 6)
    assert_allclose(figures.rmse, 1000 * np.sqrt((0.09 + 32) / 6))
    assert_allclose(figures.reference, 1000 * np.sqrt(25 / 6))
    assert_allclose(figures.largest, 4000)
    assert_allclose(figures.angle, (np.degrees(np.arctan(0.1)) + 90) / 2)


def test_force_errors_by_magnitude():
    reference = np.zeros((1, 16, 3))
    reference[0, :, 0] = np.arange(1, 17)[::-1]
    groups = by_magnitude(reference, 1.1 * reference)
    assert [(low, high) for low, high, _ in groups] == [(k, k + 1) for k in range(1, 17, 2)]
    assert_allclose([e.relative for *_, e in groups], 0.1)


def test_stress_figures_by_hand():
    reference = np.array([[-1.0, -2.0, -3.0, 0, 0, 0]]) * GPa
    figures = compare_stress(reference, reference + 0.6 * GPa * np.array([[1, 1, 1, 0, 0, 0]]))
    assert_allclose([figures.mae, figures.pressure, figures.reference], [0.3, -0.6, 2.0])


def test_uncertainty_is_laid_beside_the_error(found):
    assert found.trust.within_two == 1  # its own frames
    assert found.trust.error < 1e-2 < found.trust.sigma


def test_other_elements_are_refused_by_name(run, small_potential):
    foreign = replace(run, symbols=("Si", *run.symbols[1:]))
    with pytest.raises(UnknownElementError, match="the structure holds Si"):
        validate(small_potential, foreign, model="small", card=CARD)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"GGA": "PE"}, "PBE"), ({"GGA": "--", "POTCAR": "PAW_PBE W_pv 06Sep2000"}, "PBE"), ({"GGA": "PS"}, "PBEsol"),
        ({"METAGGA": "R2SCAN", "GGA": "PE"}, "r2SCAN"), ({"LHFCALC": " T "}, "a hybrid functional"),
        ({"POTCAR": "PAW W 19Jan2001"}, "LDA"), ({}, None),
    ],
)  # fmt: skip
def test_functionals(settings, name):
    assert functional_of(settings) == name


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"METAGGA": "SCAN"}, "computed with SCAN, the model was made from PBE"),
        ({"ENCUT": "300.0"}, "cutoff energy of 300 eV, the data of the model 520 eV"),
        ({"ISMEAR": "-5"}, "tetrahedron method"),
        ({"ISMEAR": "0", "SIGMA": "0.01"}, "smearing for insulators"),
        ({"LDAU": "T"}, "a Hubbard U"),
        ({"ISPIN": "2"}, "spin-polarised"),
        ({"IVDW": "11"}, "van der Waals"),
        ({"IBRION": "2"}, "no molecular dynamics"),
        ({"TEEND": "1200"}, "changed from 800 to 1200 K"),
    ],
)
def test_what_is_unlike_the_model_is_said(run, settings, sentence):
    assert cautions(run, CARD) == []
    assert any(sentence in s for s in cautions(replace(run, settings=run.settings | settings), CARD))


def test_nothing_is_compared_with_settings_that_are_no_numbers(run):
    assert (
        cautions(replace(run, settings=run.settings | {"ENCUT": "<b>", "SIGMA": "nan", "TEBEG": "1e999"}), CARD) == []
    )


def test_a_card_without_a_method_compares_none(run):
    for card in ({}, {"method": None}, {"method": "PBEsol, 300 eV"}, {"method": {"functional": None, "cutoff": "300"}}):
        assert cautions(run, card) == []


def test_a_changing_cell_is_run_at_its_mean(run):
    cells = run.cells * np.linspace(1, 1.02, 40)[:, None, None]
    breathing = replace(run, cells=cells)
    assert "volume 16.384 to 17.387" in cautions(breathing, CARD)[0]
    assert_allclose(conditions(breathing, temperature=None, cap=9, seed=0).cell, cells.mean(axis=0))


def test_conditions_come_from_the_run(run):
    plan = conditions(run, temperature=None, cap=30, seed=4)
    assert (plan.frames, plan.interval, plan.steps, plan.timestep) == (30, 2.0, 1, 2.0)
    assert_allclose(plan.temperature, run.temperatures.mean())
    assert conditions(replace(run, temperatures=None), temperature=None, cap=30, seed=4).temperature == 800
    assert conditions(replace(run, interval=8.0), temperature=1.0, cap=30, seed=4).timestep == pytest.approx(8 / 3)
    snapshots = conditions(replace(run, interval=None), temperature=500.0, cap=1000, seed=4)
    assert (snapshots.frames, snapshots.interval) == (200, 20.0)


def test_a_temperature_from_positions_alone(run):
    light = replace(run, temperatures=None, settings={}, masses=np.ones(8))
    phase = np.random.default_rng(3).uniform(0, 2 * np.pi, size=(8, 3))  # as the frames were made
    omega = 0.08 * np.pi / 2.0  # 1/fs
    angle = 0.08 * np.pi * np.arange(1, 39)[:, None, None] + phase
    speed = 0.1 * omega * np.cos(angle) * np.sinc(0.08) / fs  # central differences are smaller by this
    speed -= speed.mean(axis=1, keepdims=True)
    expected = (speed**2).sum(axis=(1, 2)).mean() / (21 * kB)
    assert_allclose(conditions(light, temperature=None, cap=9, seed=0).temperature, expected, rtol=1e-4)


def test_no_temperature_is_an_error(run):
    with pytest.raises(ConfigError, match="give it with --temperature"):
        conditions(replace(run, temperatures=None, settings={}, interval=None), temperature=None, cap=9, seed=0)
    with pytest.raises(ConfigError, match="between 1 and 1e5 K, got -5 K"):
        conditions(run, temperature=-5.0, cap=9, seed=0)


def test_dynamics_have_the_temperature_and_repeat(run):
    from ase.calculators.emt import EMT

    copper = replace(
        run,
        symbols=("Cu",) * 32,
        masses=np.full(32, 63.546),
        positions=np.repeat(_fcc().positions[None], 2, axis=0),
        cells=np.repeat(_fcc().cell[None], 2, axis=0),
    )
    plan = conditions(copper, temperature=300.0, cap=10_000, seed=3)
    plan = replace(plan, frames=400, interval=4.0, steps=1)
    one, two = sample(copper, EMT(), plan), sample(copper, EMT(), plan)
    assert np.array_equal(one.positions, two.positions)
    # 93 degrees of freedom, correlated over the thermostat's 100 fs
    assert_allclose(one.temperatures.mean(), 300, rtol=0.12)
    centre = one.positions.mean(axis=1)
    assert_allclose(centre, np.repeat(centre[:1], 400, axis=0), atol=1e-8)


def _fcc():
    from ase.build import bulk

    return bulk("Cu", cubic=True).repeat(2)


class Exploding:
    """A calculator that pushes everything apart."""

    def get_potential_energy(self, atoms=None, force_consistent=False):
        return 0.0

    def get_forces(self, atoms=None):
        return 1e3 * (atoms.positions - atoms.positions.mean(axis=0))


def test_dynamics_that_run_away_are_a_result(run, small_potential, monkeypatch):
    with pytest.raises(DivergenceError, match="ran away"):
        sample(run, Exploding(), conditions(run, temperature=300.0, cap=50, seed=0))

    monkeypatch.setattr("ase_voxpot.calculator.VoxPotCalculator", lambda potential: Exploding())
    v = validate(small_potential, run, model="small", card=CARD)
    assert (v.sampled, v.structures[1], v.motions[1]) == (None, None, None)
    assert overall(v) == ("poor", "small cannot run this system: its dynamics ran away.")
    assert any("ran away" in c for c in v.cautions)


def test_a_validation_of_a_model_with_itself(found):
    names = [f.name for f in findings(found)]
    assert names == ["Forces", "Energy", "Stress", "Known ground", "Structure", "Vibrations", "Displacement"]
    grades = {f.name: f.grade for f in findings(found)}
    assert {grades[n] for n in ("Forces", "Energy", "Stress")} == {"good"}
    assert len(found.sampled.positions) == 25
    assert found.motions[0].interval == found.motions[1].interval == 2.0


def _thinned(written, tmp_path, kept):
    """The OUTCAR of the run with numbers of steps, and tables of some of them only."""
    before, *steps = (written / "OUTCAR").read_text().split("  in kB  ")
    body = [
        f"---- Iteration {n:6d}(   1) ----\n"
        + (f"  in kB  {s}" if n in kept else s[s.index("  free  energy") :])
        for n, s in enumerate(steps, 1)
    ]  # fmt: skip
    (tmp_path / "OUTCAR").write_text(before + "".join(body))
    return read_run([tmp_path / "OUTCAR"])


def _peak(motion):
    return motion.frequency[motion.density.argmax()]


@pytest.mark.parametrize(
    ("kept", "interval"),
    [(range(1, 41), 2.0), (range(0, 41, 2), 4.0), ([*range(1, 36), 39, 40], 2.0)],
    ids=["all", "every second", "with a gap"],
)
def test_vibrations_keep_their_frequency_whichever_steps_are_written(
    written, tmp_path, small_potential, kept, interval
):
    run = _thinned(written, tmp_path, set(kept))

    v = validate(small_potential, run, model="small", card=CARD, dynamics=False)

    # the atoms were moved by 0.08 pi every 2 fs: 20 THz
    assert run.interval == interval
    assert _peak(v.motions[0]) == pytest.approx(20, abs=2)
    assert v.forces.count == len(run) * 24


def test_a_drift_is_one_in_time(written, tmp_path, small_potential):
    run = _thinned(written, tmp_path, {1, 2, 3, 4, 40})
    predicted = predict(small_potential, run)
    slope = replace(predicted, energies=run.energies["free"] + 0.008 * (run.steps - 1) * 0.002)

    assert_allclose(compare_energies(run, slope, "free").drift, 1.0)  # meV/atom/ps


def test_temperatures_come_from_stretches_or_not_at_all(written, tmp_path):
    light = {"temperatures": None, "settings": {}, "masses": np.ones(8)}
    whole = replace(_thinned(written, tmp_path, set(range(1, 41))), **light)
    gap = replace(_thinned(written, tmp_path, {*range(1, 26), *range(30, 41)}), **light)
    torn = replace(_thinned(written, tmp_path, {k for k in range(41) if k % 10}), **light)

    expected = conditions(whole, temperature=None, cap=9, seed=0).temperature
    assert conditions(gap, temperature=None, cap=9, seed=0).temperature == pytest.approx(expected, rel=0.05)
    with pytest.raises(ConfigError, match="does not say one"):
        conditions(torn, temperature=None, cap=9, seed=0)


def test_frames_without_a_stress_are_left_out_of_its_errors(run, small_potential):
    stress = run.stress.copy()
    stress[3] = np.nan

    v = validate(small_potential, replace(run, stress=stress), model="small", card=CARD, dynamics=False)

    assert v.stress.mae < 1e-5
    assert validate(
        small_potential, replace(run, stress=np.full_like(stress, np.nan)), model="small", card=CARD, dynamics=False
    ).stress is None  # fmt: skip


def test_the_energy_to_judge_can_be_chosen(run, small_potential):
    v = validate(small_potential, run, model="small", card=CARD, energy="zero", dynamics=False)
    assert list(v.energies) == ["zero", "free"]
    assert v.sampled is None
    with pytest.raises(ConfigError, match="expected one of free, zero"):
        validate(small_potential, run, model="small", card=CARD, energy="stored", dynamics=False)


def test_structure_alone(written, small_potential):
    bare = replace(read_run([written / "XDATCAR"]), interval=2.0)
    v = validate(small_potential, bare, model="small", card=CARD, temperature=300.0, cap=25)
    assert "the structure of this run" in overall(v)[1]
    assert (v.forces, v.stress, v.energies, v.trust) == (None, None, {}, None)
    assert [f.name for f in findings(v)] == ["Known ground", "Structure", "Vibrations", "Displacement"]
    assert any("does not say how it was computed" in c for c in v.cautions)


def test_a_relaxation_is_compared_frame_by_frame(run, small_potential):
    relaxed = replace(run, settings=run.settings | {"IBRION": "2"}, interval=None)
    v = validate(small_potential, relaxed, model="small", card=CARD)
    assert (v.plan, v.sampled, v.motions) == (None, None, (None, None))
    assert v.forces is not None


def test_atoms_that_are_held_are_said(run, small_potential):
    positions = run.positions.copy()
    positions[:, 2] = positions[0, 2]
    v = validate(small_potential, replace(run, positions=positions), model="small", card=CARD)
    assert (v.plan, v.sampled) == (None, None)
    assert any("1 of 8 atoms never move" in c for c in v.cautions)


def test_one_frame_is_enough_for_parity(run, small_potential):
    one = replace(
        run, positions=run.positions[:1], cells=run.cells[:1], forces=run.forces[:1], stress=run.stress[:1],
        energies={k: e[:1] for k, e in run.energies.items()}, temperatures=None,
    )  # fmt: skip
    v = validate(small_potential, one, model="small", card=CARD, dynamics=False)
    assert v.energies["free"].drift is None
    assert v.motions == (None, None)
    assert overall(v)[0] == "good" or v.predicted.extrapolation.max() > 1
