"""OUTCARs of many versions and kinds: every number belongs to its step, and what is left out is reported."""

from __future__ import annotations

import bz2
import gzip
import lzma

import numpy as np
import pytest
from ase.units import GPa
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError
from ase_voxpot.validation.reading import read_run
from tests.vasp.files import (
    END,
    computed,
    energies,
    energy_of,
    head,
    lattice,
    learned,
    loops,
    place,
    stress,
    table,
    warm,
)

EDGE_FIELD = f"{3.2:13.9f}"


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, name="OUTCAR"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_run([tmp_path / name])

    return write_and_read


def check(run, steps):
    """Every number of the run is that of its step."""
    steps = np.array(steps)
    assert len(run) == len(steps)
    assert_allclose(run.positions[:, 1, 0], [place(s) for s in steps], atol=1e-5)
    assert_allclose(run.forces[:, 0, 0], 0.1 * steps)
    assert_allclose(run.energies["free"], [energy_of(s) for s in steps])
    assert_allclose(run.energies["zero"], [energy_of(s) + 0.5 for s in steps])


def result(run, *sentences):
    for sentence in sentences:
        assert any(sentence in note for note in run.notes), (sentence, run.notes)


def test_a_plain_run_has_nothing_to_say(read):
    run = read(head() + "".join(map(computed, range(1, 8))) + END)

    check(run, range(1, 8))
    assert (run.interval, run.starts, run.notes, run.unconverged) == (2.0, (0,), (), ())
    assert_allclose(run.stress[:, 0] / GPa, -np.arange(1, 8))
    assert_allclose(run.temperatures, 900 + np.arange(1, 8))
    assert_allclose(run.times, 2.0 * np.arange(7))


# ---- steps that are not equally spaced


@pytest.mark.parametrize("predicted", ["before", "after"])
def test_of_a_run_with_a_machine_learned_force_field_the_steps_of_dft_are_frames(read, predicted):
    dft = (1, 2, 3, 4, 9, 17, 18, 30)

    def step(n):
        both = computed(n) if n in dft else ""
        after = "" if n in dft else warm(n)
        return learned(n) + both + after if predicted == "before" else both + learned(n)

    run = read(head(ML_LMLFF="T") + "".join(map(step, range(1, 31))) + END)

    check(run, dft)
    assert_allclose(run.stress[:, 0] / GPa, -np.array(dft, float))  # not the 999 kB of the force field
    assert_allclose(run.temperatures, 900 + np.array(dft))
    assert (run.interval, run.starts) == (2.0, (0, 4, 5, 7))
    assert_allclose(run.times, 2.0 * (np.array(dft) - 1))
    result(run, "8 frames, of steps 1-4, 9, 17, 18, 30, are not equally spaced", "4 stretches of 1 to 4 frames")
    result(run, "the 8 steps computed with DFT are used", "30 times, is left out")


def test_tables_of_some_steps_only_are_as_far_apart_as_their_steps(read):
    # NWRITE = 0 or 1 of old versions: energies of every step, tables of few
    steps = [loops(n) + (lattice() + table(n)) * (n % 5 == 0) + energies(n) + warm(n) for n in range(1, 31)]

    run = read(head(NWRITE=0) + "".join(steps) + END)

    check(run, range(5, 31, 5))
    assert (run.interval, run.starts) == (10.0, (0,))
    result(run, "24 of 30 steps have energies, but no table", "every 5th step, 10 fs apart")


def test_tables_of_some_steps_only_without_lines_of_iterations(read):
    steps = [(lattice() + table(n)) * (n in (1, 4)) + energies(n) for n in range(1, 7)]

    run = read(head() + "".join(steps) + END)

    check(run, (1, 4))
    assert run.interval == 6.0


@pytest.mark.parametrize("first", ["table", "energies"])
def test_order_is_learned_where_steps_are_not_numbered(read, first):
    def step(n):
        one, two = stress(n) + lattice() + table(n), energies(n)
        return one + two + warm(n) if first == "table" else two + warm(n) + one

    run = read(head() + "".join(map(step, range(1, 6))) + END)

    check(run, range(1, 6))
    assert_allclose(run.stress[:, 0] / GPa, -np.arange(1.0, 6.0))


def test_the_longest_stretch_gives_the_interval(read):
    # some steps at first, then every tenth
    steps = (1, 2, 3, *range(10, 81, 10))

    run = read(head() + "".join(map(computed, steps)) + END)

    check(run, steps)
    assert run.interval == 20.0
    assert run.starts == (0, 1, 2, 3)


def test_a_missing_step_is_a_gap(read):
    steps = (1, 2, 3, 4, 5, 7, 8, 9)

    run = read(head() + "".join(map(computed, steps)) + END)

    assert (run.interval, run.starts) == (2.0, (0, 5))


def test_numbers_of_steps_too_large_for_their_columns(read):
    steps = [loops("******") + lattice() + table(n) + energies(n) for n in range(1, 5)]

    run = read(head() + "".join(steps) + END)

    check(run, range(1, 5))
    assert (run.interval, run.starts) == (2.0, (0,))


def test_relaxations_have_no_interval(read):
    run = read(head(IBRION=2) + "".join(map(computed, (1, 2, 5))) + END)

    assert run.interval is None


# ---- electrons that did not converge


def test_loops_that_reach_nelm_are_marked(read):
    counts = {1: 30, 2: 40, 3: 12, 4: 40}
    text = head(NELM=40) + "".join(computed(n, count, "") for n, count in counts.items()) + END

    run = read(text)

    check(run, range(1, 5))
    assert run.unconverged == (1, 3)
    result(run, "the electronic loop of 2 of 4 ionic steps (2, 4) ended at NELM = 40 without converging")


def test_what_the_file_says_of_a_loop_holds(read):
    text = head(NELM=40) + computed(1, 40, "reached") + computed(2, 12, "missed") + computed(3, 40, "missed") + END

    assert read(text).unconverged == (1, 2)


def test_a_hard_stop_is_no_convergence(read):
    text = head() + computed(1) + computed(2).replace("because EDIFF is reached", "because hard stop was set") + END

    assert read(text).unconverged == (1,)


# ---- layouts


@pytest.mark.parametrize("end", [END, ""], ids=["finished", "killed"])
def test_energies_before_positions(read, end):
    steps = [loops(n) + energies(n) + stress(n) + lattice() + table(n) + warm(n) for n in range(1, 7)]
    half = loops(7) + energies(7)

    run = read(head("5.2.2") + "".join(steps) + (half if not end else "") + end)

    check(run, range(1, 7))
    assert_allclose(run.stress[:, 0] / GPa, -np.arange(1.0, 7.0))
    assert any("its 6 complete ionic steps are used" in n for n in run.notes) == (not end)


@pytest.mark.parametrize("columns", [3, 6])
def test_further_columns_are_forces_without_van_der_waals(read, columns):
    more = "".join(f"{x:14.6f}" for x in (7.0, 7.0)) + "           NaN" + "".join(["      0.000000"] * (columns - 3))
    title = ",                                   FORCE-w/o vdW (eV/Angst)"
    apart = "    w/o vdW =       -99.00000000"
    steps = [loops(n) + lattice() + table(n, more=more, title=title) + energies(n, more=apart) for n in (1, 2, 3)]

    check(read(head(IVDW=11) + "".join(steps) + END), (1, 2, 3))


def test_columns_that_touch(read):
    row = f"{-1234.56789:12.5f}{-1000.00000:12.5f}{12345.67891:12.5f}{-5.0:12.5f}{2.0:12.5f}{3.0:12.5f}\n"
    text = head() + loops(1) + "  in kB  " + row + lattice() + table(1) + energies(1) + END

    run = read(text)

    assert_allclose(run.stress[0] / GPa, [123.456789, 100, -1234.567891, -0.2, -0.3, 0.5])


def test_lines_that_end_as_in_windows(read):
    text = head() + "".join(map(computed, range(1, 4))) + END

    check(read(text.replace("\n", "\r\n")), range(1, 4))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed(read, pack):
    text = head(ML_LMLFF="T") + "".join(learned(n) + computed(n) * (n in (1, 2, 5)) for n in range(1, 6)) + END

    check(read(pack(text.encode()), "OUTCAR.packed"), (1, 2, 5))


def test_a_file_is_known_by_what_stands_in_it(read):
    check(read(head() + computed(1) + END, "first.txt"), (1,))


# ---- stars


@pytest.mark.parametrize("kind", ["positions", "forces", "stress", "energy", "zero", "cell"])
def test_a_frame_with_stars_is_left_out_and_named(read, kind):
    bad = {
        "positions": computed(2).replace(f"{place(2):13.5f}", 13 * "*"),
        "forces": computed(2).replace(f"{-0.2:14.6f}{0:14.6f}", 28 * "*"),
        "stress": computed(2).replace(f"{20.0:12.5f}{20.0:12.5f}", f"{20.0:12.5f}" + 12 * "*"),
        "energy": computed(2).replace(f"TOTEN  = {energy_of(2):18.8f}", "TOTEN  = " + 18 * "*"),
        "zero": computed(2).replace(f"energy(sigma->0) ={energy_of(2) + 0.5:18.8f}", "energy(sigma->0) =" + 18 * "*"),
        "cell": computed(2).replace(EDGE_FIELD, 13 * "*", 1),
    }[kind]
    assert bad != computed(2)

    run = read(head() + computed(1) + bad + computed(3) + computed(4) + END)

    check(run, (1, 3, 4))
    words = {"positions": "positions or forces", "forces": "positions or forces", "zero": "energy(sigma->0)"}
    result(run, f"1 ionic step left out, where numbers are stars, too large for their columns (step 2: "
              f"{words.get(kind, kind)})")  # fmt: skip
    assert (run.starts, run.interval) == ((0, 1), 2.0)


def test_stars_for_a_temperature_leave_the_frame(read):
    text = computed(2).replace(f"temperature{902.0:8.2f}", "temperature" + 8 * "*")

    run = read(head() + computed(1) + text + computed(3) + END)

    check(run, (1, 2, 3))
    assert_allclose(run.temperatures, [901, np.nan, 903])
    result(run, "the temperature of 1 step (2) is stars: not known")


def test_a_message_names_the_frame_that_is_read(read):
    bad = computed(2).replace(f"{place(2):13.5f}", f"{'1.6x':>13}")
    with pytest.raises(DataError, match=r"OUTCAR: frame 2: expected 6 numbers in a line of positions or forces, got"):
        read(head() + computed(1) + bad + END)
    with pytest.raises(DataError, match=r"frame 2 \(step 8\): expected 6 numbers"):
        read(head() + computed(1) + bad.replace("Iteration      2", "Iteration      8") + END)
    late = computed(1).replace("(temperature  901.00 K)", "(temperature  warm K)")
    with pytest.raises(DataError, match=r"frame 1: expected a number, got 'warm'"):
        read(head() + late + END)


@pytest.mark.parametrize("what", ["cell", "energy", "positions"])
def test_nan_is_refused_with_the_frame(read, what):
    bad = {
        "cell": computed(2).replace(EDGE_FIELD, f"{'NaN':>13}", 1),
        "energy": computed(2).replace(f"TOTEN  = {energy_of(2):18.8f}", f"TOTEN  = {'NaN':>18}"),
        "positions": computed(2).replace(f"{place(2):13.5f}", f"{'NaN':>13}"),
    }[what]
    with pytest.raises(DataError, match=f"frame 2: expected finite {what}"):
        read(head() + computed(1) + bad + END)


# ---- no frame at all


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (head(ML_LMLFF="T") + "".join(learned(n) + warm(n) for n in (1, 2, 3)) + END,
         "got 3 steps, all of a machine-learned force field"),
        (head(ALGO="EVGW0R", NELM=1) + loops(1, 4) + "\n QP shifts <psi_nk| G(iteration)W_0 |psi_nk>\n" + END,
         "ALGO = EVGW0R computes quasiparticle energies and no forces"),
        (head(ALGO="BSE") + END, "ALGO = BSE computes optical excitations"),
        (head() + loops(1, 7) + END, "the calculation ended normally and wrote no forces"),
        (head() + loops(1, 7), "the job ended in electronic step 7 of ionic step 1"),
        (head(), "ends before the first electronic step; was the job killed at once?"),
        (head() + "".join(loops(n) + energies(n) for n in (1, 2)) + END, "got energies of 2 steps without a table"),
        (head() + computed(1).replace(f"{-0.1:14.6f}", 14 * "*") + END, "got none without stars: 1 ionic step"),
    ],
    ids=["learned", "GW", "BSE", "no forces", "killed", "not begun", "energies", "stars"],
)  # fmt: skip
def test_a_file_without_a_frame_says_why(read, text, sentence):
    with pytest.raises(DataError, match="expected at least one complete ionic step computed with DFT") as caught:
        read(text)
    assert sentence in str(caught.value)


LAYOUTS = {
    "plain": (range(1, 9), computed),
    "old": (range(1, 9), lambda n: loops(n) + energies(n) + stress(n) + lattice() + table(n)),
    "learned": ((1, 2, 5, 7), lambda n: learned(n) + (computed(n) if n in (1, 2, 5, 7) else warm(n))),
    "few tables": ((3, 6), lambda n: loops(n) + (lattice() + table(n)) * (n % 3 == 0) + energies(n) + warm(n)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@given(part=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_file_cut_anywhere_gives_numbers_of_its_steps(tmp_path_factory, layout, part):
    steps, write = LAYOUTS[layout]
    text = head() + "".join(map(write, range(1, 9))) + END
    path = tmp_path_factory.mktemp("cut") / "OUTCAR"
    path.write_text(text[: round(part * len(text))])
    try:
        run = read_run([path])
    except DataError:
        assert part < 0.65
        return

    check(run, list(steps)[: len(run)])
    assert_allclose(run.steps, list(steps)[: len(run)])
    if len(run) < len(steps):
        assert any("was cut off by a killed job" in n for n in run.notes)


# ---- several runs


def test_concatenated_runs_count_their_steps_on(read):
    one = head() + "".join(map(computed, range(1, 5))) + END
    two = one.replace(f"{place(1):13.5f}", f"{place(5):13.5f}")

    run = read(one + two)

    assert len(run) == 8
    assert_allclose(run.steps, range(1, 9))
    assert run.starts == (0,)


def test_runs_of_several_files_with_gaps(tmp_path):
    dft = (1, 2, 3, 10)
    for name, shift in (("a", 0), ("b", 10)):
        text = "".join(learned(n) + (computed(n) if n in dft else "") for n in range(1, 11))
        for n in range(10, 0, -1):  # the second goes on where the first ended
            text = text.replace(f"{place(n):13.5f}", f"{place(n + shift):13.5f}")
        (tmp_path / name).write_text(head() + text + END)

    run = read_run([tmp_path / "a", tmp_path / "b"])

    assert_allclose(run.steps, [1, 2, 3, 10, 11, 12, 13, 20])
    assert run.starts == (0, 3, 7)
    assert [s.stop - s.start for s in run.stretches()] == [3, 4, 1]


def test_a_job_that_began_again_without_a_header(read):
    text = head() + "".join(map(computed, range(1, 4))) + "".join(map(computed, range(1, 3))) + END

    run = read(text)

    assert len(run) == 5
    assert_allclose(run.steps, [1, 2, 3, 4, 5])
