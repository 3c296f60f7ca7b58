"""i-PI with the potential behind ASE's SocketClient, as the guide runs it: the same energies, forces and stress."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.socketio import SocketClient
from ase.io import read, write
from ase.units import Bohr, Hartree
from numpy.testing import assert_allclose

from ase_voxpot import VoxPotCalculator

PROGRAM = Path(sys.executable).with_name("i-pi")
needs_ipi = pytest.mark.skipif(find_spec("ipi") is None or not PROGRAM.is_file(), reason="needs i-PI (pip install ipi)")
INPUT = """\
<simulation verbosity="quiet">
  <output prefix="out">
    <properties filename="log" stride="1">
      [ potential(bead=0){{electronvolt}}, potential(bead=1){{electronvolt}}, stress_md, kstress_md ]
    </properties>
    <trajectory filename="places" stride="1" format="ase"> positions </trajectory>
    <trajectory filename="forces" stride="1" format="xyz"> forces{{ev/ang}} </trajectory>
  </output>
  <total_steps>2</total_steps>
  <prng><seed>1</seed></prng>
  <ffsocket mode="unix" name="voxpot"> <address>{address}</address> <latency>1e-3</latency> </ffsocket>
  <system>
    <initialize nbeads="2">
      <file mode="ase"> start.extxyz </file>
      <velocities mode="thermal" units="kelvin"> 300 </velocities>
    </initialize>
    <forces> <force forcefield="voxpot"/> </forces>
    <motion mode="dynamics">
      <dynamics mode="nve"> <timestep units="femtosecond"> 1 </timestep> </dynamics>
    </motion>
    <ensemble> <temperature units="kelvin"> 300 </temperature> </ensemble>
  </system>
</simulation>
"""


def connected(address, server):
    """A client, once the server listens."""
    began = time.monotonic()
    while not Path(f"/tmp/ipi_{address}").exists():
        assert server.poll() is None, "i-PI ended"
        assert time.monotonic() < began + 60, "i-PI does not listen"
        time.sleep(0.1)
    time.sleep(0.1)
    return SocketClient(unixsocket=address, timeout=60)


@needs_ipi
def test_beads_have_the_energies_of_ase(tmp_path, crystal, potential_of):
    calculator = VoxPotCalculator(potential_of("steerable"))
    crystal.set_cell(crystal.cell.standard_form()[0], scale_atoms=True)  # as i-PI needs it
    address = uuid.uuid4().hex[:12]
    (tmp_path / "input.xml").write_text(INPUT.format(address=address))
    write(tmp_path / "start.extxyz", crystal)
    with (tmp_path / "stdout").open("w") as out:
        server = subprocess.Popen(
            [sys.executable, PROGRAM, "input.xml"], cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        crystal.calc = calculator
        connected(address, server).run(crystal, use_stress=True)
        assert server.wait(60) == 0
    finally:
        server.kill()

    log = np.loadtxt(tmp_path / "out.log")
    stress = []
    for bead in (0, 1):
        places = read(tmp_path / f"out.places_{bead}.extxyz", ":")
        forces = read(tmp_path / f"out.forces_{bead}.xyz", ":", format="xyz")
        assert len(places) == len(log) == 3
        for atoms, force, row in zip(places, forces, log, strict=True):
            atoms.calc = calculator
            # i-PI has the electronvolt with eight digits, and writes positions with as many
            assert_allclose(row[bead], atoms.get_potential_energy(), rtol=2e-7, atol=1e-6)
            assert_allclose(force.positions, atoms.get_forces(), atol=1e-5)
        stress.append([atoms.get_stress() for atoms in places])
    found = Hartree / Bohr**3 * (log[:, 8:14] - log[:, 2:8])  # of pressures, kinetic part taken off; xx yy zz xy xz yz
    assert_allclose(found, np.sum(stress, axis=0)[:, [0, 1, 2, 5, 4, 3]], atol=1e-6)
