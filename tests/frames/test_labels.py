from __future__ import annotations

import gzip

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import ConfigError, DataError, MissingLabelsError
from ase_voxpot.frames.labels import LabelKeys, labels_of, read_frames

VOIGT = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
FULL = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])


def labelled(energy=-2.5, **info):
    atoms = Atoms("MoW", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[5, 5, 5], pbc=True)
    atoms.info["REF_energy"] = energy
    atoms.arrays["REF_forces"] = np.array([[0.0, 0.1, -0.2], [0.0, -0.1, 0.2]])
    atoms.info.update(info)
    return atoms


def stored(**results):
    atoms = Atoms("MoW", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[5, 5, 5], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


@pytest.mark.parametrize(
    "name", ["frames.extxyz", "frames.xyz", "frames.extxyz.gz", "frames.extxyz.bz2", "frames.traj"]
)
def test_frames_come_back_from_any_format(tmp_path, name):
    made = [stored(energy=float(k), forces=np.full((2, 3), 0.1 * k)) for k in range(3)]
    form = {"frames.traj": "traj"}.get(name, "extxyz")
    write(tmp_path / name, made, format=form)

    frames = read_frames(tmp_path / name)

    assert [label.energy for label in labels_of(frames)] == [0.0, 1.0, 2.0]
    assert len(read_frames(tmp_path / name, "-1:")) == 1


def test_labels_survive_a_file(tmp_path):
    write(tmp_path / "frames.extxyz", [labelled(REF_stress=FULL, config_type="slab"), labelled()])

    first, second = labels_of(read_frames(tmp_path / "frames.extxyz"))

    assert (first.energy, first.group) == (-2.5, "slab")
    assert_allclose(first.stress, VOIGT)
    assert_allclose(first.forces, [[0.0, 0.1, -0.2], [0.0, -0.1, 0.2]])
    assert (second.stress, second.group) == (None, "default")


@pytest.mark.parametrize("stress", [VOIGT, FULL, FULL.ravel(), FULL.tolist()])
def test_stress_may_be_six_numbers_nine_numbers_or_a_matrix(stress):
    assert_allclose(labels_of([labelled(REF_stress=stress)])[0].stress, VOIGT)


def test_stored_results_are_what_is_taken_when_no_key_is_there():
    frame = stored(energy=-1.0, forces=np.ones((2, 3)), stress=VOIGT)

    (label,) = labels_of([frame])

    assert label.energy == -1.0
    assert_array_equal(label.stress, VOIGT)


def test_the_free_energy_is_taken_where_there_is_one():
    both = stored(energy=-1.0, free_energy=-1.5, forces=np.ones((2, 3)))

    (label,) = labels_of([both])

    assert (label.energy, label.origin.energy) == (-1.5, "free_energy stored with the frames")
    assert labels_of([stored(energy=-1.0, forces=np.ones((2, 3)))])[0].energy == -1.0
    assert labels_of([both], LabelKeys(energy="energy"))[0].energy == -1.0  # asked for


def test_keys_have_a_free_energy_of_their_own():
    frame = labelled(REF_free_energy=-3.0)

    (label,) = labels_of([frame])

    assert (label.energy, label.origin.energy) == (-3.0, "REF_free_energy")
    assert labels_of([labelled()])[0].origin.energy == "REF_energy"


VOLUME = 125.0


@pytest.mark.parametrize("key", ["REF_virial", "virial", "virials", "Virial", "REF_virials"])
@pytest.mark.parametrize("shape", [FULL, FULL.ravel(), VOIGT])
def test_a_virial_is_minus_volume_times_stress(key, shape):
    frame = labelled(**{key: -VOLUME * shape})

    (label,) = labels_of([frame])

    assert_allclose(label.stress, VOIGT)
    assert label.origin.stress == f"-{key}/volume"
    assert label.origin.beside == {}


def test_the_sign_and_the_name_of_a_virial_can_be_told():
    frame = labelled(dft_w=VOLUME * VOIGT)

    (label,) = labels_of([frame], LabelKeys(virial="dft_w", virial_sign=1))

    assert_allclose(label.stress, VOIGT)
    assert label.origin.stress == "dft_w/volume"
    with pytest.raises(ConfigError, match="expected -1 .* or 1, got 2"):
        LabelKeys(virial_sign=2)


@pytest.mark.parametrize(
    ("factor", "beside"),
    [
        (-VOLUME, {}),
        (VOLUME, {"-REF_virial/volume": "has the opposite sign and is not used"}),
        (-VOLUME * 160.2, {"-REF_virial/volume": "disagrees and is not used"}),
    ],
    ids=["the same", "other sign", "other units"],
)
def test_a_stress_is_used_and_a_virial_beside_it_compared(factor, beside):
    (label,) = labels_of([labelled(REF_stress=FULL, REF_virial=factor * FULL)])

    assert_allclose(label.stress, VOIGT)
    assert (label.origin.stress, label.origin.beside) == ("REF_stress", beside)


def test_a_virial_that_is_named_wins_over_a_stored_stress_and_that_over_one_that_is_not():
    frame = stored(energy=1.0, forces=np.ones((2, 3)), stress=2 * VOIGT)
    frame.info["virial"] = -VOLUME * FULL
    frame.cell[:] = np.diag([5.0, 5, 5])
    (label,) = labels_of([frame])
    assert label.origin.stress == "stress stored with the frames"
    assert label.origin.beside == {"-virial/volume": "disagrees and is not used"}

    frame.info["REF_virial"] = -VOLUME * FULL
    (label,) = labels_of([frame])
    assert_allclose(label.stress, VOIGT)
    assert label.origin.beside == {"stress stored with the frames": "disagrees and is not used"}


@pytest.mark.parametrize(
    ("info", "arrays", "why"),
    [
        ({"dft_virial": FULL}, {}, {"dft_virial": "is not used, as nothing names it"}),
        ({"stress_or_so": 1, "mystress": FULL}, {}, {"mystress": "is not used, as nothing names it"}),
        ({}, {"virials": np.zeros((2, 9))}, {"virials": "is not used, as nothing names it"}),
        ({"virial": "none"}, {}, {"virial": "is not used, as it is not six or nine numbers"}),
        ({"virial": [1.0, 2.0]}, {}, {"virial": "is not used, as it is not six or nine numbers"}),
    ],
)
def test_what_is_not_used_is_named(info, arrays, why):
    frame = labelled(**info)
    frame.arrays.update(arrays)

    (label,) = labels_of([frame])

    assert label.stress is None
    assert label.origin.beside == why


def test_a_virial_without_a_cell_is_named():
    frame = labelled(REF_virial=FULL)
    frame.cell[:] = 0
    frame.pbc = False

    (label,) = labels_of([frame])

    assert label.stress is None
    assert label.origin.beside == {"REF_virial": "is not used, as there is no cell"}


@pytest.mark.parametrize("name", ["frames.extxyz", "frames.traj", "frames.db"])
def test_energies_and_virials_survive_a_file(tmp_path, name):
    frame = stored(energy=-1.0, free_energy=-1.5, forces=np.ones((2, 3)), stress=VOIGT)
    if name.endswith("xyz"):
        frame.info["virial"] = -VOLUME * FULL
    write(tmp_path / name, [frame, frame])

    (label, _) = labels_of(read_frames(tmp_path / name))

    assert label.energy == -1.5
    assert_allclose(label.stress, VOIGT, atol=1e-7)


def test_keys_win_over_stored_results():
    frame = stored(energy=-1.0, forces=np.ones((2, 3)))
    frame.info["REF_energy"] = -7.0

    assert labels_of([frame])[0].energy == -7.0


def test_other_names_are_taken_when_told():
    frame = labelled()
    frame.info["dft"] = frame.info.pop("REF_energy")

    assert labels_of([frame], LabelKeys(energy="dft"))[0].energy == -2.5


def test_frames_are_not_changed_and_labels_do_not_share_their_memory():
    frame = labelled(REF_stress=FULL)
    before = frame.copy()

    (label,) = labels_of([frame])
    label.forces[:] = 9.0

    assert frame == before
    assert_array_equal(frame.arrays["REF_forces"], before.arrays["REF_forces"])


def test_missing_labels_are_counted_and_the_keys_that_are_there_named():
    lacking = labelled(other=3)
    del lacking.info["REF_energy"]
    bare = stored()

    with pytest.raises(MissingLabelsError) as caught:
        labels_of([labelled(), lacking, bare])

    sentence = str(caught.value)
    assert "2 of 3 frames" in sentence
    assert "first: frame 1" in sentence
    assert "2 without energy, 1 without forces" in sentence
    assert "REF_forces, other" in sentence


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda a: a.info.update(REF_energy=np.nan), "frame 1: expected finite energy"),
        (lambda a: a.arrays["REF_forces"].__setitem__((0, 0), np.inf), "frame 1: expected finite forces"),
        (lambda a: a.info.update(REF_stress=np.full(6, np.nan)), "frame 1: expected finite stress"),
        (lambda a: a.info.update(REF_energy="low"), "frame 1: expected numbers as energy, got 'low'"),
        (lambda a: a.info.update(REF_energy=[1.0, 2.0]), "frame 1: expected one energy, got 2"),
        (lambda a: a.info.update(REF_stress=np.ones(5)), "frame 1: expected a stress of 6 or 3x3"),
        (lambda a: a.info.update(REF_virial=np.ones(5)), "frame 1: expected a virial of 6 or 3x3"),
        (lambda a: a.info.update(REF_virial=np.full(9, np.nan)), "frame 1: expected finite virial"),
        (lambda a: a.arrays.update(REF_forces=np.ones(2)), r"frame 1: expected forces of shape \(2, 3\)"),
    ],
)
def test_labels_that_make_no_sense_are_refused_with_the_number_of_the_frame(spoil, sentence):
    frame = labelled()
    spoil(frame)

    with pytest.raises(DataError, match=sentence):
        labels_of([labelled(), frame])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("noise.extxyz", b"\x00\x93 not a structure \xff" * 20),
        ("noise.xyz.gz", b"\x1f\x8bbroken"),
        ("text.xyz", b"3\ncomment\nW 0 0 0\n"),
        ("text.cif", b"hello"),
        ("text.unknown", b"hello"),
        ("empty.extxyz", b""),
        ("numbers.xyz", b"1\nProperties=species:S:1:pos:R:3\nW 0 zero 0\n"),
        ("truncated.xyz", b"2\n\nW 0 0 0\nW 0 0 1\n2\n\nW 0 0 0\n"),
        ("truncated.xyz.gz", gzip.compress(b"2\n\nW 0 0 0\nW 0 0 1\n" * 50)[:-8]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unreadable_files_are_refused_with_their_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(DataError, match=name) as caught:
        read_frames(path)

    assert "\n" not in str(caught.value)


def test_a_slice_without_frames_is_refused(tmp_path):
    write(tmp_path / "one.extxyz", labelled())

    with pytest.raises(DataError, match="at least one structure"):
        read_frames(tmp_path / "one.extxyz", "5:")


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="got none"):
        read_frames(tmp_path / "nothing.xyz")
    with pytest.raises(DataError, match="got a folder"):
        read_frames(tmp_path)


@pytest.mark.parametrize(
    ("energy", "forces", "virial"),
    [
        ("energy", "force", "virial"),  # GPUMD
        ("energy", "forces", "virial"),  # GPUMD
        ("REF_energy", "REF_forces", "REF_virials"),  # MACE
        ("REF_energy", "REF_forces", "REF_stress"),  # MACE
    ],
)
def test_files_of_gpumd_and_mace_keep_all_labels(tmp_path, energy, forces, virial):
    atoms = stored()
    atoms.calc = None
    atoms.info = {energy: -2.5, virial: FULL if virial.endswith("stress") else -VOLUME * FULL}
    atoms.arrays[forces] = np.full((2, 3), 0.1)
    columns = ["symbols", "positions", forces]
    write(tmp_path / "train.xyz", atoms, format="extxyz", columns=columns)

    (label,) = labels_of(read_frames(tmp_path / "train.xyz"))

    assert label.energy == -2.5
    assert_allclose(label.forces, 0.1)
    assert_allclose(label.stress, VOIGT)
