"""Tasks, calculators and drivers of campaigns, which other processes import, on its own, as that is done often.

python -m voxpot_jobs FOLDER WORKERS     labels ``frames()`` as ``voxpot label`` does
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from ase_voxpot.simd.threads import thread_count
from ase_voxpot.tasks import key_of

FRAMES = 40
FAILING, HANGING = (3, 11, 17, 29), (5, 23)


@dataclass(frozen=True)
class Draw:
    """A random number of its own."""

    seed: int
    note: str = field(default="", compare=False)
    suffix: str = ".txt"

    @property
    def key(self) -> str:
        return key_of(self)

    def compute(self, draft: Path) -> None:
        draft.write_text(repr(float(np.random.default_rng(self.seed).random())))
        if self.note:
            with Path(self.note).open("a") as file:
                file.write(f"{self.seed}\n")


@dataclass(frozen=True)
class Odd(Draw):
    """Fails for odd seeds, and writes nothing for 4."""

    def compute(self, draft: Path) -> None:
        if self.seed % 2:
            raise ValueError(f"{self.seed} is odd")
        if self.seed != 4:
            draft.write_text("even")


@dataclass(frozen=True)
class Deadly(Draw):
    """Kills its process the first ``times`` times."""

    times: int = field(default=1, compare=False)

    def compute(self, draft: Path) -> None:
        with Path(self.note).open("a") as file:
            file.write(f"{self.seed}\n")
        if Path(self.note).read_text().splitlines().count(str(self.seed)) <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        draft.write_text("alive")


def halves(values):
    return values / 2


def mirror(value):
    """The value, raised if it is an error."""
    if isinstance(value, Exception):
        raise value
    return value


def threads():
    return thread_count()


def later(seconds, value):
    time.sleep(seconds)
    return mirror(value)


def frames() -> list[Atoms]:
    """Dimers that ``Moody`` tells apart by their length."""
    found = []
    for k in range(FRAMES):
        atoms = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 2 + 0.01 * k]], cell=[8.0] * 3, pbc=True)
        atoms.info = {"id": f"dimer-{k}", "config_type": "dimer"}
        found.append(atoms)
    return found


class Moody(Calculator):
    """Raises for some dimers, and never ends for others."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012 - as ASE has it

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        number = round(100 * (atoms.get_distance(0, 1, mic=True) - 2))
        time.sleep(0.02)
        if number in FAILING:
            raise RuntimeError(f"dimer {number} does not converge")
        if number in HANGING:
            time.sleep(1000)
        self.results = {"energy": -0.1 * number, "forces": np.zeros((2, 3)), "stress": np.zeros(6)}


class Chatty(Moody):
    """Prints, as codes do, and has no stress."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def calculate(self, *arguments, **keywords):
        print("SCF cycle")  # noqa: T201
        os.system("echo from C")  # noqa: S605, S607
        super().calculate(*arguments, **keywords)
        del self.results["stress"]


class Fatal(Moody):
    """Ends its process."""

    def calculate(self, *arguments, **keywords):
        os.write(2, b"out of memory\n")
        os._exit(7)


def broken() -> Calculator:
    raise OSError("no licence")


def config(**changes):
    from voxpot_training.campaign.config import LabellerConfig

    known = {"use": f"{__file__}:Moody", "limit": 1.0, "retries": 0}
    return LabellerConfig(**(known | changes))


def main(folder: str, workers: str) -> None:
    from ase_voxpot.tasks import backend_of
    from voxpot_training.campaign.labelling import label_frames

    label_frames(frames(), config(), Path(folder), backend_of(workers=int(workers)))


if __name__ == "__main__":
    main(*sys.argv[1:])
