"""vasprun.xml of runs with machine-learned steps, of electrons that do not converge, and with stars."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from ase import units
from ase.units import GPa
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError
from ase_voxpot.validation.reading import read_run
from tests.vasp.files import XML_END, energy_of, place, xml_computed, xml_head, xml_learned

MASS = 183.85


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, name="vasprun.xml"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_run([tmp_path / name])

    return write_and_read


def check(run, steps):
    steps = np.array(steps)
    assert len(run) == len(steps)
    assert_allclose(run.positions[:, 1, 0], [place(s) for s in steps], atol=1e-6)
    assert_allclose(run.forces[:, 0, 0], 0.1 * steps)
    assert_allclose(run.energies["free"], [energy_of(s) for s in steps])
    assert_allclose(run.energies["zero"], [energy_of(s) + 0.5 for s in steps])
    assert_allclose(run.stress[:, 0] / GPa, -steps)


def moving(stride=1):
    """eV, kinetic energy about the centre of mass if frames are ``stride`` steps apart."""
    speed = 0.01 / stride / (2.0 * units.fs)
    return 2 * 0.5 * MASS * (speed / 2) ** 2


def test_a_plain_run_has_nothing_to_say(read):
    run = read(xml_head(NSW=7) + "".join(map(xml_computed, range(1, 8))) + XML_END)

    check(run, range(1, 8))
    assert (run.interval, run.starts, run.notes, run.unconverged) == (2.0, (0,), (), ())


# ---- steps that are not equally spaced


@pytest.mark.parametrize("predicted", [False, True], ids=["one or the other", "prediction before every computation"])
def test_steps_of_a_force_field_between_calculations_are_counted(read, predicted):
    dft = (1, 2, 3, 9, 10, 20)
    steps = [
        (xml_learned(n) if predicted or n not in dft else "") + (xml_computed(n) if n in dft else "")
        for n in range(1, 21)
    ]

    run = read(xml_head(ML_LMLFF="T", NSW=20) + "".join(steps) + XML_END)

    check(run, dft)
    assert_allclose(run.steps, dft)
    assert (run.interval, run.starts) == (2.0, (0, 3, 5))
    notes = " ".join(run.notes)
    assert "the 6 steps computed with DFT are used; 14 of a machine-learned force field" in notes
    assert "of steps 1-3, 9, 10, 20, are not equally spaced in time" in notes


@pytest.mark.parametrize("settings", [{"ML_LMLFF": "T"}, {}], ids=["named", "unnamed"])
def test_calculations_without_electronic_steps_are_of_a_force_field(read, settings):
    dft = (1, 2, 5, 6, 9)
    steps = [xml_computed(n, loops=n in dft) for n in range(1, 10)]

    run = read(xml_head(NSW=9, **settings) + "".join(steps) + XML_END)

    check(run, dft)
    assert run.starts == (0, 2, 4)
    assert "4 of a machine-learned force field" in " ".join(run.notes)


@pytest.mark.parametrize("end", [XML_END, ""], ids=["finished", "killed"])
def test_steps_that_are_not_written_leave_snapshots(read, end):
    run = read(xml_head(ML_LMLFF="T", NSW=1000) + "".join(map(xml_computed, (1, 2, 3, 57))) + end)

    check(run, (1, 2, 3, 57))
    assert (run.interval, run.irregular, run.times) == (None, True, None)
    assert "holds 4 of 1000 steps (NSW) of a run with a machine-learned force field" in " ".join(run.notes)


def test_a_learning_run_that_computed_every_step_is_equally_spaced(read):
    run = read(xml_head(ML_LMLFF="T", NSW=5) + "".join(map(xml_computed, range(1, 6))) + XML_END)

    assert (run.interval, run.irregular) == (2.0, False)


def test_a_killed_run_is_equally_spaced(read):
    run = read(xml_head(NSW=100) + "".join(map(xml_computed, range(1, 6))))

    assert (run.interval, run.irregular) == (2.0, False)


def test_a_run_that_was_stopped_is_equally_spaced_if_atoms_move_as_fast_as_it_says(read):
    steps = [xml_computed(n, kinetic=moving()) for n in range(1, 9)]

    run = read(xml_head(NSW=100) + "".join(steps) + XML_END)

    assert (run.interval, run.irregular) == (2.0, False)


@pytest.mark.parametrize("end", [XML_END, ""], ids=["finished", "killed"])
def test_frames_farther_apart_than_atoms_can_move_are_snapshots(read, end):
    # every tenth step: the second atom moves ten times as far
    steps = [xml_computed(n, kinetic=moving(10)) for n in range(1, 9)]

    run = read(xml_head(NSW=80) + "".join(steps) + end)

    assert (run.interval, run.irregular) == (None, True)
    assert "atoms move 10.0 times as far from frame to frame" in " ".join(run.notes)


def test_a_finished_run_with_fewer_steps_than_asked_for_and_nothing_to_tell(read):
    run = read(xml_head(NSW=80, NBLOCK=10) + "".join(map(xml_computed, range(1, 9))) + XML_END)

    assert (run.interval, run.irregular) == (None, True)
    assert "as if only every 10th were written (NBLOCK)" in " ".join(run.notes)


# ---- electrons that did not converge


def test_loops_that_reach_nelm_are_marked(read):
    counts = {1: 60, 2: 59, 3: 60, 4: 5}
    text = xml_head() + "".join(xml_computed(n, c) for n, c in counts.items()) + XML_END

    run = read(text)

    check(run, range(1, 5))
    assert run.unconverged == (0, 2)
    assert "2 of 4 ionic steps (1, 3) ended at NELM = 60" in " ".join(run.notes)


@pytest.mark.parametrize(
    ("changes", "converged"),
    [((0.1, 2e-5), True), ((2e-5, 2e-5), False), ((0.1, 2e-4), False), ((0.0, 0.0), False)],
    ids=["in the last step", "eigenvalues did not", "not yet", "all the same"],
)
def test_a_loop_may_converge_in_its_last_step(read, changes, converged):
    run = read(xml_head(EDIFF=1e-4) + xml_computed(1, 60, changes=changes) + XML_END)

    assert (run.unconverged == ()) == converged


# ---- stars


@pytest.mark.parametrize("kind", ["positions", "cell", "forces", "stress", "energy"])
def test_a_frame_with_stars_is_left_out_and_named(read, kind):
    good = xml_computed(2)
    old = {
        "positions": f"{place(2) / 3.2:16.8f}",
        "cell": f"{3.2:16.8f}",
        "forces": f"{-0.2:16.8f}",
        "stress": f"{30.0:16.8f}",
        "energy": f'"e_fr_energy"> {energy_of(2):16.8f}',
    }[kind]
    new = '"e_fr_energy"> ' + 16 * "*" if kind == "energy" else " " + 15 * "*"
    at = good.rindex(old)
    bad = good[:at] + new + good[at + len(old) :]

    run = read(xml_head() + xml_computed(1) + bad + xml_computed(3) + XML_END)

    check(run, (1, 3))
    assert (
        f"1 ionic step left out, where numbers are stars, too large for their columns (step 2: {kind})" in run.notes[0]
    )


def test_stars_for_a_kinetic_energy_leave_the_frame(read):
    text = xml_computed(2, kinetic=0.3).replace(f"{0.3:16.8f}", 16 * "*")

    run = read(xml_head() + xml_computed(1, kinetic=0.3) + text + XML_END)

    check(run, (1, 2))
    assert np.isfinite(run.temperatures).tolist() == [True, False]


# ---- no frame at all


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (xml_head(ML_LMLFF="T") + "".join(map(xml_learned, (1, 2))) + XML_END,
         "got 2 steps, all of a machine-learned force field"),
        (xml_head(ALGO="GW0") + xml_computed(1).replace('name="forces"', 'name="qp"') + XML_END,
         "ALGO = GW0 computes quasiparticle energies and no forces"),
        (xml_head() + xml_computed(1)[:400], "the job ended in electronic step 3 of ionic step 1"),
        (xml_head(), "ends before the first electronic step"),
    ],
    ids=["learned", "GW", "killed", "not begun"],
)  # fmt: skip
def test_a_file_without_a_frame_says_why(read, text, sentence):
    with pytest.raises(DataError, match="expected at least one complete ionic step computed with DFT") as caught:
        read(text)
    assert sentence in str(caught.value)


def test_compressed_and_concatenated(read):
    text = xml_head(ML_LMLFF="T", NSW=4) + xml_computed(1) + xml_learned(2) + xml_learned(3) + xml_computed(4) + XML_END

    run = read(gzip.compress((text + text).encode()), "vasprun.xml.gz")

    assert len(run) == 4
    assert_allclose(run.steps, [1, 4, 5, 8])
