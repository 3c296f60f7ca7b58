from __future__ import annotations

import bz2
import gzip
import lzma
import re
from contextlib import suppress
from pathlib import Path

import ase.test
import numpy as np
import pytest
from ase.io import read, write
from ase.units import GPa, kB
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError
from ase_voxpot.validation.reading import read_run
from ase_voxpot.vasp.frames import masses_of
from ase_voxpot.vasp.opening import Stream
from ase_voxpot.vasp.vasprun import voigt

FORMATS = ("vasprun.xml", "OUTCAR", "XDATCAR")
SHIPPED = Path(ase.test.__file__).parent / "testdata" / "vasp"
shipped = pytest.mark.skipif(not SHIPPED.is_dir(), reason="ASE came without its test data")


def places(atoms):
    return atoms.get_scaled_positions() @ atoms.cell.array


@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_everything_is_read(written, labelled, name):
    run = read_run([written / name])

    assert (len(run), run.interval, run.notes, run.starts) == (40, 2.0, (), (0,))
    assert run.symbols == ("Mo",) * 3 + ("W",) * 5
    assert set(run.energies) == {"free", "zero"}
    assert_allclose(run.positions, [places(a) for a in labelled], atol=2e-5)
    assert_allclose(run.energies["free"], [a.info["energy"] for a in labelled], atol=1e-8)
    assert_allclose(run.forces, [a.info["forces"] for a in labelled], atol=1e-6)
    assert_allclose(run.stress, [a.info["stress"] for a in labelled], atol=1e-8)
    kinetic = [a.info["kinetic"] for a in labelled]
    assert_allclose(run.temperatures, 2 * np.array(kinetic) / (21 * kB), atol=0.01)
    assert_allclose(run.masses, masses_of(run.symbols), rtol=1e-4)
    assert (float(run.settings["ENCUT"]), float(run.settings["TEBEG"])) == (520, 800)


def test_a_run_without_forces_is_read(written, labelled):
    run = read_run([written / "XDATCAR"])
    assert (run.forces, run.stress, run.energies, run.interval) == (None, None, {}, None)
    assert_allclose(run.positions, [places(a) for a in labelled], atol=1e-7)
    assert "positions only" in run.notes[0]


def test_stress_by_hand():
    # 10 kB of pressure along x: under compression, so negative for ASE, 1 GPa
    one = voigt(np.array([[10.0, 1, 3], [1, 20, 2], [3, 2, 30]]))
    assert_allclose(one / GPa, [-1, -2, -3, -0.2, -0.3, -0.1])
    assert_allclose(GPa, 0.006241509125883258)


@shipped
def test_energies_of_a_real_vasprun_under_pressure():
    run = read_run([SHIPPED / "vasprun_pstress.xml"])
    other = read(SHIPPED / "vasprun_pstress.xml")
    # as the last electronic step has them, before VASP adds 1 kB times the volume
    assert_allclose(run.energies["free"], -20.24695937, atol=2e-7)
    assert_allclose(run.energies["zero"], -20.24720095, atol=2e-7)
    assert_allclose(run.energies["free"][0], other.get_potential_energy(force_consistent=True), atol=1e-7)
    assert_allclose(run.stress[0] / GPa, [16.59956258] * 3 + [0.0] * 3)
    assert_allclose(run.stress[0], other.get_stress(), atol=1e-10)
    assert "PSTRESS" in run.notes[0]
    assert run.symbols == ("C", "C")
    assert run.settings["POTCAR"] == "PAW C 22Mar2012"


@shipped
def test_a_real_outcar_is_read_as_ase_does():
    run = read_run([SHIPPED / "OUTCAR_example_1"])
    others = read(SHIPPED / "OUTCAR_example_1", ":", format="vasp-out")
    assert len(run) == len(others)
    for k, other in enumerate(others):
        assert list(run.symbols) == other.get_chemical_symbols()
        assert_allclose(run.positions[k], other.positions, atol=1e-8)
        assert_allclose(run.forces[k], other.get_forces(apply_constraint=False))
        assert_allclose(run.stress[k], other.get_stress(), atol=1e-10)
        assert_allclose(run.energies["free"][k], other.get_potential_energy(force_consistent=True))
        assert_allclose(run.energies["zero"][k], other.get_potential_energy())
    assert run.interval is None or run.settings["IBRION"] == "0"


@pytest.mark.filterwarnings("ignore")  # pymatgen leaves files open
def test_pymatgen_reads_the_same(written):
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs", reason="pymatgen is not there to compare with")
    theirs = outputs.Vasprun(written / "vasprun.xml", parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    mine = read_run([written / "vasprun.xml"])
    assert len(theirs.ionic_steps) == len(mine)
    for k, step in enumerate(theirs.ionic_steps):
        assert_allclose(mine.positions[k], step["structure"].cart_coords, atol=1e-10)
        assert_allclose(mine.forces[k], step["forces"])
        assert_allclose(mine.energies["free"][k], step["e_fr_energy"])
        assert_allclose(mine.stress[k][:3], -np.diag(step["stress"]) * 0.1 * GPa)
    walk = outputs.Xdatcar(written / "XDATCAR").structures
    assert_allclose(read_run([written / "XDATCAR"]).positions, [s.cart_coords for s in walk], atol=1e-10)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("suffix", "module"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma), ("", gzip)])
def test_compressed_files_whatever_their_name(written, tmp_path, name, suffix, module):
    path = tmp_path / (name + suffix)
    path.write_bytes(module.compress((written / name).read_bytes()))
    assert_allclose(read_run([path]).positions, read_run([written / name]).positions)


@pytest.mark.parametrize("name", FORMATS)
@given(part=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_a_file_cut_anywhere_gives_its_complete_frames(written, tmp_path_factory, name, part):
    data = (written / name).read_bytes()
    path = tmp_path_factory.mktemp("cut") / name
    path.write_bytes(data[: round(part * len(data))])
    whole = read_run([written / name])
    if part < 0.1:
        with suppress(DataError):
            read_run([path])
        return
    run = read_run([path])
    assert 0 < len(run) <= 40
    assert len(run) >= int(40 * part) - 4
    assert_allclose(run.positions, whole.positions[: len(run)])
    if run.forces is not None:
        assert_allclose(run.forces, whole.forces[: len(run)])
        assert_allclose(run.energies["free"], whole.energies["free"][: len(run)])
    if len(run) < 39:
        assert any(f"its {len(run)} complete" in note for note in run.notes) or name == "XDATCAR"


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_a_cut_compressed_file_gives_its_complete_frames(written, tmp_path, suffix):
    module = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[suffix]
    packed = module.compress((written / "vasprun.xml").read_bytes())
    path = tmp_path / ("vasprun.xml" + suffix)
    path.write_bytes(packed[: len(packed) - 40])
    if suffix == ".bz2":  # gives whole blocks only, of which this has one
        with pytest.raises(DataError, match="expected"):
            read_run([path])
    else:
        assert 0 < len(read_run([path])) <= 40


@pytest.mark.parametrize("name", FORMATS)
def test_concatenated_files_are_one_run(written, tmp_path, name):
    path = tmp_path / name
    path.write_bytes((written / name).read_bytes() * 2)
    run = read_run([path])
    assert len(run) == 80
    assert_allclose(run.positions[40:], run.positions[:40])


@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_a_cut_run_and_its_continuation_in_one_file(written, tmp_path, name):
    data = (written / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) // 2] + b"\n" + data)
    run = read_run([path])
    assert 55 <= len(run) < 62
    assert_allclose(run.positions[-40:], read_run([written / name]).positions)
    assert any("part 1 of 2" in note for note in run.notes)


def test_runs_that_do_not_continue_each_other_stay_apart(written, example, labelled, tmp_path):
    example.write_vasprun(tmp_path / "a.xml", labelled[:20], timestep=2.0, temperature=800.0)
    example.write_vasprun(tmp_path / "b.xml", labelled[20:], timestep=2.0, temperature=800.0)
    assert read_run([tmp_path / "a.xml", tmp_path / "b.xml"]).starts == (0,)
    apart = [a.copy() for a in labelled[20:]]
    for atoms, old in zip(apart, labelled[20:], strict=True):
        atoms.positions[0] += 0.5
        atoms.info = old.info
    example.write_vasprun(tmp_path / "b.xml", apart, timestep=2.0, temperature=800.0)
    run = read_run([tmp_path / "a.xml", tmp_path / "b.xml"])
    assert run.starts == (0, 20)
    assert [s.stop for s in run.stretches()] == [20, 40]
    assert "2 stretches" in run.notes[-1]


def test_frames_of_ase_and_their_time(labelled, small_potential, tmp_path):
    from ase.calculators.singlepoint import SinglePointCalculator

    frames = []
    for k, atoms in enumerate(labelled):
        frame = atoms.copy()
        frame.info = {"time": 2.0 * k}
        frame.calc = SinglePointCalculator(frame, **{n: atoms.info[n] for n in ("energy", "forces", "stress")})
        frames.append(frame)
    for name in ("run.extxyz", "run.traj"):
        write(tmp_path / name, frames)
        run = read_run([tmp_path / name])
        assert (len(run), run.interval, set(run.energies)) == (40, 2.0, {"stored"})
        assert_allclose(run.stress, [a.info["stress"] for a in labelled], atol=1e-7)


def test_times_of_frames_of_ase_may_have_gaps(labelled, tmp_path):
    frames = []
    for time, atoms in zip((0.0, 0.5, 1.0, 1.5, 4.0, 4.5, 9.0), labelled, strict=False):
        frame = atoms.copy()
        frame.info = {"time": time}
        frames.append(frame)
    write(tmp_path / "run.extxyz", frames)

    run = read_run([tmp_path / "run.extxyz"])

    assert (run.interval, run.starts) == (0.5, (0, 4, 6))
    assert_allclose(run.times, [0, 0.5, 1, 1.5, 4, 4.5, 9])
    assert any("are not equally spaced in time: 3 stretches of 1 to 4 frames" in n for n in run.notes)


def _stored(labelled, tmp_path, name, **energies):
    from ase.calculators.singlepoint import SinglePointCalculator

    frames = []
    for k, atoms in enumerate(labelled[:6]):
        frame = atoms.copy()
        frame.info = {}
        chosen = {n: k + shift for n, (shift, which) in energies.items() if which(k)}
        frame.calc = SinglePointCalculator(frame, forces=atoms.info["forces"], **chosen)
        frames.append(frame)
    write(tmp_path / name, frames)
    return read_run([tmp_path / name])


@pytest.mark.parametrize("name", ["run.extxyz", "run.traj", "run.db"])
def test_the_free_energy_of_stored_results_is_the_first(labelled, tmp_path, name):
    run = _stored(labelled, tmp_path, name, energy=(0.5, lambda k: True), free_energy=(0.0, lambda k: True))

    assert list(run.energies) == ["free", "zero"]
    assert_allclose(run.energies["free"], np.arange(6))
    assert_allclose(run.energies["zero"], np.arange(6) + 0.5)


def test_frames_with_and_without_a_free_energy_are_mixed_and_said(labelled, tmp_path):
    run = _stored(labelled, tmp_path, "run.traj", energy=(0.5, lambda k: True), free_energy=(0.0, lambda k: k < 2))

    assert list(run.energies) == ["stored"]
    assert_allclose(run.energies["stored"], [0, 1, 2.5, 3.5, 4.5, 5.5])
    assert any("(2 of 6 frames)" in n and "are mixed" in n for n in run.notes)


def test_what_only_some_frames_have_is_said(labelled, tmp_path):
    frames = []
    for k, atoms in enumerate(labelled[:6]):
        frame = atoms.copy()
        frame.info = {"REF_energy": 1.0, "REF_stress": atoms.info["stress"]} if k else {"REF_energy": 1.0}
        frame.arrays["REF_forces"] = atoms.info["forces"]
        if k == 5:
            del frame.arrays["REF_forces"]
        frames.append(frame)
    write(tmp_path / "run.extxyz", frames)

    run = read_run([tmp_path / "run.extxyz"])

    assert len(run) == 5
    assert np.isnan(run.stress).any(axis=1).tolist() == [True, False, False, False, False]
    assert any("1 of 6 frames have no forces and are left out" in n for n in run.notes)
    assert any("1 of 5 frames have no stress" in n for n in run.notes)


def test_a_folder_stands_for_its_best_file(written):
    assert read_run([written]).kind == "vasprun.xml"


def test_a_cell_that_changes_in_an_xdatcar(labelled, tmp_path):
    text, cells = [], []
    for k, atoms in enumerate(labelled[:5], 1):
        cells.append((1 + 0.01 * k) * atoms.cell.array)
        rows = "\n".join(" ".join(f"{x:.9f}" for x in row) for row in cells[-1])
        places = "\n".join(" ".join(f"{x:.9f}" for x in row) for row in atoms.get_scaled_positions())
        text.append(
            f"{' ' if k > 1 else 'MoW'}\n 1.0\n{rows}\n Mo_pv/1a2b W\n 3 5\nDirect configuration= {k}\n{places}\n"
        )
    (tmp_path / "XDATCAR").write_text("".join(text) + "\n\n")
    run = read_run([tmp_path / "XDATCAR"])
    assert run.moving_cell
    assert run.symbols[:4] == ("Mo", "Mo", "Mo", "W")
    assert_allclose(run.cells, cells, atol=1e-8)
    assert not any("cut off" in n for n in run.notes)


BOMB = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
FILE = '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("evil", [BOMB, FILE])
def test_document_types_are_refused(changed, evil):
    with pytest.raises(DataError, match="document type"):
        read_run([changed("vasprun.xml", "<modeling>", evil + "<modeling>")])


def test_document_types_in_utf16_are_refused(written, tmp_path):
    text = (
        (written / "vasprun.xml").read_text().replace("ISO-8859-1", "UTF-16").replace("<modeling>", BOMB + "<modeling>")
    )
    (tmp_path / "vasprun.xml").write_bytes(text.encode("utf-16"))
    with pytest.raises(DataError):
        read_run([tmp_path / "vasprun.xml"])


def test_elements_in_each_other_without_end_are_refused(changed):
    with pytest.raises(DataError, match="elements in each other"):
        read_run([changed("vasprun.xml", "<modeling>", "<modeling>" + 100 * "<a>")])


def test_a_file_that_grows_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ase_voxpot.vasp.opening.LARGEST", 10_000_000)
    (tmp_path / "OUTCAR.gz").write_bytes(gzip.compress(b"\n" * 20_000_000))
    with pytest.raises(DataError, match="after decompression"):
        read_run([tmp_path / "OUTCAR.gz"])


def test_a_line_without_end_is_refused(tmp_path):
    (tmp_path / "OUTCAR").write_bytes(b" vasp.6.4.2" + b"x" * 3_000_000)
    with pytest.raises(DataError, match="without an end of line"):
        read_run([tmp_path / "OUTCAR"])


@pytest.mark.parametrize(
    ("name", "marker", "sentence"),
    [
        ("vasprun.xml", '<varray name="forces" >', "finite forces"),
        ("vasprun.xml", "<calculation>", "finite energy"),
        ("OUTCAR", "in kB", "finite stress"),
        ("OUTCAR", "free  energy", "finite energy"),
        ("XDATCAR", "Direct configuration=     1\n", "finite positions"),
    ],
)
def test_nan_is_refused_with_the_frame(written, tmp_path, name, marker, sentence):
    text = (written / name).read_text()
    at = text.index(marker)
    if sentence == "finite energy" and name == "vasprun.xml":
        at = text.index("  <energy>", text.index("</varray>\n  <energy>"))
    found = re.search(r"-?\d+\.\d+", text[at + len(marker) if name == "XDATCAR" else at :])
    begin = (at + len(marker) if name == "XDATCAR" else at) + found.start()
    (tmp_path / name).write_text(text[:begin] + "NaN" + text[begin + len(found[0]) :])
    with pytest.raises(DataError, match=f"frame 1: expected {sentence}"):
        read_run([tmp_path / name])


def test_a_frame_with_stars_is_left_out(changed, written):
    old = re.search(r"TOTAL-FORCE.*\n.*\n +(\S+)", (written / "OUTCAR").read_text())[1]

    run = read_run([changed("OUTCAR", f" {old} ", " ******** ", count=1)])

    assert len(run) == 39
    assert_allclose(run.forces, read_run([written / "OUTCAR"]).forces[1:])
    assert "1 ionic step left out, where numbers are stars" in run.notes[0]


def test_a_missing_row_is_refused(written, tmp_path):
    text = (written / "vasprun.xml").read_text()
    begin = text.index('<varray name="forces" >\n') + len('<varray name="forces" >\n')
    (tmp_path / "vasprun.xml").write_text(text[:begin] + text[text.index("\n", begin) + 1 :])
    with pytest.raises(DataError, match="frame 1: expected the forces on 8 atoms, got 7"):
        read_run([tmp_path / "vasprun.xml"])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [("Mo W\n", "Qq W\n", "chemical elements, got 'Qq'"), ("Mo W\n3 5", "3 5\n", "files of VASP 4"),
     ("example\n           1\n", "example\nx\n", "scale of the cell")],
)  # fmt: skip
def test_headers_that_make_no_sense(changed, old, new, sentence):
    with pytest.raises(DataError, match=sentence):
        read_run([changed("XDATCAR", old, new)])


def test_no_frames_and_no_file(tmp_path):
    (tmp_path / "OUTCAR").write_text(" vasp.6.4.2\n")
    for path, sentence in (("OUTCAR", "at least one complete ionic step"), ("XDATCAR", "got none")):
        with pytest.raises(DataError, match=sentence):
            read_run([tmp_path / path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="a folder with vasprun.xml"):
        read_run([tmp_path / "empty"])


def test_other_atoms_and_other_temperatures_are_refused(written, example, labelled, tmp_path):
    other = [a[[7, 6, 5, 4, 3, 2, 1, 0]] for a in labelled]
    for atoms, old in zip(other, labelled, strict=True):
        atoms.info = old.info
    example.write_vasprun(tmp_path / "b.xml", other, timestep=2.0, temperature=800.0)
    with pytest.raises(DataError, match="the same atoms in the same order"):
        read_run([written / "vasprun.xml", tmp_path / "b.xml"])
    example.write_vasprun(tmp_path / "b.xml", labelled, timestep=2.0, temperature=900.0)
    with pytest.raises(DataError, match="expected 800 K"):
        read_run([written / "vasprun.xml", tmp_path / "b.xml"])
    example.write_vasprun(tmp_path / "b.xml", labelled, timestep=1.0, temperature=800.0)
    with pytest.raises(DataError, match="frames every 2 fs"):
        read_run([written / "vasprun.xml", tmp_path / "b.xml"])


def test_a_stream_tells_that_a_line_was_cut(tmp_path):
    (tmp_path / "a").write_text("one\ntwo\nthr")
    stream = Stream(tmp_path / "a")
    assert list(stream.lines()) == ["one", "two"]
    assert stream.cut
