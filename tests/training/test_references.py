"""Sources that count energies from different zeros are found; those that do not are left in peace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, surface
from ase.io import write

from ase_voxpot.errors import DataError
from ase_voxpot.frames.labels import Labels
from voxpot_training.config import Source
from voxpot_training.data import load_frames
from voxpot_training.references import Origin, refuse_mixed_references, shifts_between

LEVEL = {"Mo": -10.8, "Ta": -11.8, "W": -12.9}
SIZE = {"Mo": 3.17, "Ta": 3.32, "W": 3.19}


def label(atoms, excess, force, group, rng):
    """Energies of an alloy: linear, a little mixing, and what heat and strain add."""
    shares = {e: np.mean(atoms.symbols == e) for e in LEVEL}
    mixing = -0.4 * shares["Mo"] * shares["Ta"] - 0.3 * shares["Ta"] * shares["W"]
    energy = len(atoms) * (sum(shares[e] * LEVEL[e] for e in LEVEL) + mixing + excess)
    return Labels(energy=energy, forces=rng.normal(scale=force + 1e-9, size=(len(atoms), 3)), stress=None, group=group)


def crystals(elements, count, group, seed, *, temperature=0.0):
    """Random solid solutions, strained by up to 10 % in volume, warm if wanted."""
    rng = np.random.default_rng(seed)
    frames, labels = [], []
    for _ in range(count):
        symbols = rng.choice(elements, 16, p=rng.dirichlet(np.ones(len(elements))))
        constant = np.mean([SIZE[s] for s in symbols])
        strain = rng.uniform(-0.1, 0.1)
        atoms = bulk("W", "bcc", a=constant * (1 + strain) ** (1 / 3), cubic=True).repeat(2)
        atoms.symbols = symbols
        heat = 1.5 * 8.6e-5 * temperature * rng.uniform(0.8, 1.2)
        frames.append(atoms)
        labels.append(label(atoms, 10 * strain**2 + heat, np.sqrt(heat / 0.12), group, rng))
    return frames, labels


def slabs(element, count, group, seed):
    """Cells that are half vacuum, and cost half an eV per atom more for it."""
    rng = np.random.default_rng(seed)
    atoms = surface(bulk(element, "bcc", a=SIZE[element], cubic=True), (1, 1, 0), 4, vacuum=6)
    atoms.pbc = True
    return [atoms] * count, [label(atoms, 0.5, 0.02, group, rng) for _ in range(count)]


def judged(*sources, accepted=()):
    """Every source a list of (frames, labels)."""
    origins = [Origin(f"{name}.extxyz", frozenset(accepted)) for name in "abcdef"[: len(sources)]]
    rows = [(k, a, l) for k, groups in enumerate(sources) for f, ls in groups for a, l in zip(f, ls, strict=True)]
    numbers, frames, labels = (list(x) for x in zip(*rows, strict=True))
    return origins, numbers, frames, labels


def moved(part, **offsets):
    frames, labels = part
    shift = [sum(offsets.get(s, 0.0) for s in a.get_chemical_symbols()) for a in frames]
    return frames, [replace(l, energy=l.energy + s) for l, s in zip(labels, shift, strict=True)]


DFT = [crystals([e], 12, f"{e}_strained", k) for k, e in enumerate(LEVEL)]
DFT += [crystals(["Mo", "Ta"], 40, "MoTa", 3), crystals(["Ta", "W"], 40, "TaW", 4), slabs("Mo", 8, "slab", 9)]
TEACHER = crystals(list(LEVEL), 60, "warm", 5, temperature=1500)


def test_sources_that_agree_pass():
    hot = crystals(["W"], 20, "hot", 6, temperature=4000)

    refuse_mixed_references(*judged(DFT, [TEACHER], [hot]))
    refuse_mixed_references(*judged([hot], [TEACHER], DFT))


@pytest.mark.parametrize("offsets", [{"Mo": 0.9}, {"Ta": -0.5}, {"Mo": 8.0, "Ta": 8.5, "W": 9.0}, {"W": -2000.0}])
def test_another_zero_is_refused_with_both_names_and_the_remedy(offsets):
    sources = judged(DFT, [moved(TEACHER, **offsets)])

    with pytest.raises(DataError, match="b.extxyz and a.extxyz count energies from different zeros"):
        refuse_mixed_references(*sources)

    (shift,) = (s for s in shifts_between(*sources) if s.source == "b.extxyz")
    for element in LEVEL:
        assert shift.offsets[element] == pytest.approx(-offsets.get(element, 0.0), abs=0.15)


def test_the_remedy_helps(tmp_path, monkeypatch):
    monkeypatch.delenv("VOXPOT_DATA", raising=False)
    for name, parts in (("a", DFT), ("b", [moved(TEACHER, Mo=-1.0)])):
        frames = []
        for structures, labels in parts:
            for atoms, l in zip(structures, labels, strict=True):
                frames.append(atoms.copy())
                frames[-1].info |= {"REF_energy": l.energy, "config_type": l.group}
                frames[-1].arrays["REF_forces"] = l.forces
        write(tmp_path / f"{name}.extxyz", frames)
    first = Source(file="a.extxyz")

    with pytest.raises(DataError, match=r"offsets = \{ Mo = \+(0\.9|1\.0)"):
        load_frames((first, Source(file="b.extxyz")), tuple(LEVEL), tmp_path)
    load_frames((first, Source(file="b.extxyz", offsets={"Mo": 1.0})), tuple(LEVEL), tmp_path)
    load_frames((first, Source(file="b.extxyz", offsets={"Mo": 0.0})), tuple(LEVEL), tmp_path)  # so be it


def test_two_zeros_in_one_source_are_found():
    frames, labels = TEACHER
    shift = [2.0 * len(a) if k % 3 == 0 else 0.0 for k, a in enumerate(frames)]
    mixed = [replace(l, energy=l.energy + s) for l, s in zip(labels, shift, strict=True)]

    with pytest.raises(DataError, match=r"a.extxyz: the energies fall apart into two sets [12]\.\d\d eV/atom"):
        refuse_mixed_references(*judged([(frames, mixed)]))
    with pytest.raises(DataError, match="a.extxyz: the energies fall apart"):
        refuse_mixed_references(*judged([*DFT[:4], moved(DFT[4], Ta=1.5, W=1.5)]))


def test_other_lattices_and_melts_are_no_other_zero():
    """A source may hold frames of any energy, as long as some are close to the ground state."""
    frames, labels = crystals(list(LEVEL), 60, "phases", 11)
    excess = np.random.default_rng(0).choice(
        [0.0, 0.1, 0.4, 0.5, 0.9, 2.4], len(frames), p=[0.3, 0.2, 0.2, 0.15, 0.1, 0.05]
    )
    high = [replace(l, energy=l.energy + x * len(a)) for a, l, x in zip(frames, labels, excess, strict=True)]

    refuse_mixed_references(*judged(DFT, [(frames, high), TEACHER]))


def test_what_cannot_be_compared_is_left_alone():
    tungsten, molybdenum = crystals(["W"], 9, "W", 7), moved(crystals(["Mo"], 9, "Mo", 8), Mo=5.0)
    molecule = bulk("W", cubic=True)
    molecule.pbc = False
    far = Labels(energy=0.0, forces=np.zeros((2, 3)), stress=None, group="gas")

    refuse_mixed_references(*judged([tungsten], [molybdenum], [([molecule] * 9, [far] * 9)]))
    assert shifts_between(*judged([tungsten], [molybdenum])) == []


def test_squeezed_crystals_and_atoms_alone_are_no_other_zero():
    """Cells at few volumes have energies in clusters; atoms in boxes have those of atoms."""
    rng = np.random.default_rng(12)
    squeezed, gas = ([], []), ([], [])
    for ratio in (1.0, 0.87, 0.75, 0.6, 0.45) * 8:
        element = rng.choice(list(LEVEL))
        crystal = bulk(element, "bcc", a=SIZE[element] * ratio ** (1 / 3), cubic=True)
        squeezed[0].append(crystal)
        squeezed[1].append(label(crystal, 18 * (1 - ratio) ** 2, 0.0, "squeezed", rng))
        pair = Atoms([element] * 2, positions=[[0, 0, 0], [3, 0, 0]], cell=[20] * 3, pbc=True)
        gas[0].append(pair)
        gas[1].append(label(pair, 7.0, 0.5, "gas", rng))

    refuse_mixed_references(*judged(DFT, [TEACHER], [squeezed], [gas]))
    with pytest.raises(DataError, match="count energies from different zeros"):
        refuse_mixed_references(*judged(DFT, [TEACHER], [moved(squeezed, Mo=1.0, Ta=1.0, W=1.0)]))
