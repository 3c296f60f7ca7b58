"""Evaluation of generated crystals, beside ion exchange and known crystals.

    python -m voxpot_crystals.latent.voxel_vae.assess training/data/crystal/perov5_val.extxyz.gz --model icsg3d-perov
    python -m voxpot_crystals.latent.voxel_vae.assess training/data/crystal/perov5_val.extxyz.gz --by row

With a model, the split is that of its training, and all its priors are sampled; without, a fifth of the
crystals is held out for the baseline alone.  Every column has the same number of crystals, without
screening; a sample that cannot be decoded is not valid.  Coverage depends on the number of crystals
on either side: compare a column with that of the training crystals.

METRe and cRMSE say how many of the held-out crystals are drawn again (``structures.matching``).  With a predictor of a
heat of formation there is also the share of stable, unique and novel crystals (S.U.N.).  It is an expectation,
Σ P(heat ≤ cutoff) with the mean and σ that the predictor gives, not a count of calculated energies.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from scipy.special import ndtr

from ase_voxpot.plotting.screen import console as screen_console
from ase_voxpot.storage.files import write_json
from voxpot_crystals.latent.voxel_vae.coverage import Coverage, coverage, wasserstein
from voxpot_crystals.latent.voxel_vae.fingerprints import Fingerprints, fingerprints
from voxpot_crystals.latent.voxel_vae.screening import screen
from voxpot_crystals.latent.voxel_vae.substitution import substitute
from voxpot_crystals.latent.voxel_vae.validity import Validity, composition_fault, structure_fault, validity
from voxpot_crystals.regression.grouping import held_out
from voxpot_crystals.structures.matching import Recovered, recovered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

    from voxpot_crystals.latent.generation import Generator

__all__ = ["Generation", "Judge", "assess", "assess_known", "assess_model", "assess_substitution"]

CASTELLI = 0.2
"""eV/atom above the competing phases up to which I. E. Castelli et al., Energy Environ. Sci. 5, 9034 (2012), take a
perovskite for one that may exist."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A property model and the largest heat of formation that counts as stable."""

    predict: Callable[[Sequence[Atoms]], tuple[np.ndarray, np.ndarray]]  # means and standard deviations
    cutoff: float = CASTELLI

    def chance(self, crystals: Sequence[Atoms]) -> Float[np.ndarray, " crystal"]:
        """Probability of every crystal to be stable, for errors that are normal with the predicted σ."""
        mean, sigma = self.predict(crystals)
        return np.asarray(ndtr((self.cutoff - mean) / np.maximum(sigma, 1e-9)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Results of one source of new crystals."""

    source: str
    asked: int
    made: int
    seconds: float  # of the processor, to draw and decode all
    validity: Validity  # shares of the requested crystals
    coverage: Coverage
    wasserstein: dict[str, float]  # of the valid ones from the held-out crystals
    unique: float  # shares of the generated crystals
    novel: float
    recovered: Recovered | None  # None without pymatgen
    stable: float | None = None  # shares of the requested crystals, expected; None without a predictor
    stable_unique_novel: float | None = None

    def rows(self) -> dict[str, str]:
        """Names and values, as text."""
        out = {"made": f"{self.made} of {self.asked}", "CPU s for 100": f"{100 * self.seconds / self.asked:.2f}"}
        shares = {k: getattr(self.validity, k) for k in ("structure", "composition", "both")}
        out |= {f"valid, {name}": f"{100 * value:.1f} %" for name, value in shares.items()}
        names = {
            "recall": "COV-R",
            "precision": "COV-P",
            "joint_recall": "COV-R, joint",
            "joint_precision": "COV-P, joint",
        }
        out |= {names[name]: f"{100 * value:.1f} %" for name, value in asdict(self.coverage).items()}
        out |= {f"Wasserstein, {name}": f"{value:.3f}" for name, value in self.wasserstein.items()}
        out |= {"unique": f"{100 * self.unique:.1f} %", "novel": f"{100 * self.novel:.1f} %"}
        if self.recovered is not None:
            out |= {"METRe": f"{100 * self.recovered.metre:.1f} %", "cRMSE": f"{self.recovered.crmse:.3f}"}
        for name, share_of in (("stable", self.stable), ("S.U.N.", self.stable_unique_novel)):
            if share_of is not None:
                out[name] = f"{100 * share_of:.2f} %"
        return out


def assess(
    source: str,
    made: Sequence[Atoms],
    train: Sequence[Atoms],
    real: Fingerprints,
    held: Sequence[Atoms],
    *,
    asked: int,
    seconds: float,
    judge: Judge | None = None,
    store: Path | None = None,
) -> Generation:
    """Evaluate generated crystals.

    Args:
        source: name of the method.
        made: the crystals.
        train: training crystals.
        real: fingerprints of ``held``.
        held: held-out crystals.
        asked: number of requested crystals.
        seconds: CPU time.
        judge: a property model, to compare distributions and to tell stable crystals.
        store: keeps structure fingerprints, see ``fingerprints``.
    """
    valid, share = validity(made), len(made) / asked
    sound = [a for a in made if not structure_fault(a) and not composition_fault(a)]
    covered = coverage(fingerprints(made, store=store), real)
    screened = screen(made, train)
    predict = None if judge is None else lambda crystals: judge.predict(crystals)[0]
    stable = np.zeros(len(made))
    if judge is not None and screened.structure.any():
        rows = np.flatnonzero(screened.structure)
        stable[rows] = judge.chance([made[k] for k in rows.tolist()])
    new = screened.structure & screened.unique & screened.novel
    return Generation(
        source=source,
        asked=asked,
        made=len(made),
        seconds=seconds,
        validity=Validity(
            crystals=asked,
            structure=valid.structure * share,
            composition=valid.composition * share,
            both=valid.both * share,
        ),
        coverage=replace(covered, precision=covered.precision * share, joint_precision=covered.joint_precision * share),
        wasserstein=wasserstein(sound, held, predict),
        unique=float(screened.unique.mean()),
        novel=float(screened.novel.mean()),
        recovered=recovered(held, [a for a, sound in zip(made, screened.structure, strict=True) if sound]),
        stable=None if judge is None else float(stable.sum()) / asked,
        stable_unique_novel=None if judge is None else float(stable[new].sum()) / asked,
    )


def assess_substitution(
    train: Sequence[Atoms], held: Sequence[Atoms], *, count: int, seed: int = 0, **how: Any
) -> Generation:
    """The baseline; ``how`` as for ``assess``."""
    clock = time.process_time()
    made = substitute(train, count, np.random.default_rng(seed))
    seconds = time.process_time() - clock
    real = fingerprints(held, store=how.get("store"))
    return assess("ion exchange", made, train, real, held, asked=count, seconds=seconds, **how)


def assess_known(train: Sequence[Atoms], held: Sequence[Atoms], *, count: int, seed: int = 0, **how: Any) -> Generation:
    """Training crystals in place of generated ones, as a reference of coverage; ``how`` as for ``assess``."""
    chosen = np.random.default_rng(seed).permutation(len(train))[:count]
    real, made = fingerprints(held, store=how.get("store")), [train[k] for k in chosen]
    return assess("training crystals", made, train, real, held, asked=len(made), seconds=0.0, **how)


def assess_model(
    generator: Generator,
    train: Sequence[Atoms],
    held: Sequence[Atoms],
    *,
    count: int,
    prior: str | None = None,
    seed: int = 0,
    **how: Any,
) -> list[Generation]:
    """Every prior of a model, or one; ``how`` as for ``assess``."""
    real, found = fingerprints(held, store=how.get("store")), []
    for name in [prior] if prior else list(generator.priors.known):
        clock = time.process_time()
        draws = generator.sample(count, prior=name, rng=np.random.default_rng(seed))
        seconds = time.process_time() - clock
        made = [d.atoms for d in draws if d.atoms is not None]
        found.append(assess(name, made, train, real, held, asked=count, seconds=seconds, **how))
    return found


def main() -> None:
    """Print a table."""
    from ase_voxpot.frames.labels import read_frames
    from ase_voxpot.spec import decode
    from voxpot_crystals.latent.voxel_vae.config import GeneratorConfig
    from voxpot_crystals.latent.voxel_vae.generation import load_generator
    from voxpot_crystals.latent.voxel_vae.train import sides
    from voxpot_crystals.regression.predict import load_predictor

    parser = argparse.ArgumentParser(
        prog="python -m voxpot_crystals.latent.voxel_vae.assess",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("crystals", type=Path, help="extended XYZ")
    parser.add_argument("--model", "-m", help="a generator, by name or path")
    parser.add_argument("--prior", help="one prior of the model instead of all")
    parser.add_argument("--by", choices=("row", "formula"), default="formula", help="what is held out, without a model")
    parser.add_argument("--predictor", help="a property model, to compare distributions of what it says")
    parser.add_argument("--stable", type=float, default=CASTELLI, help="largest stable prediction, eV/atom (0.2)")
    parser.add_argument("--number", "-n", type=int, default=500, help="crystals to make (500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, help="an .npz file that keeps structure fingerprints")
    parser.add_argument("--json", type=Path, help="write the results here")
    asked = parser.parse_args()
    frames = read_frames(asked.crystals)
    how: dict[str, Any] = {"count": asked.number, "seed": asked.seed, "store": asked.store}
    if asked.predictor:
        how["judge"] = Judge(load_predictor(asked.predictor).predict, asked.stable)
    found: list[Generation] = []
    if asked.model:
        generator = load_generator(asked.model)
        config = decode(GeneratorConfig, generator.codec.card["config"], where="config")
        train, valid, held = sides(frames, config)
        train = [*train, *valid]
        found = assess_model(generator, train, held, prior=asked.prior, **how)
    else:
        rows = held_out(frames, asked.by, 0.2, np.random.default_rng(asked.seed))
        train, held = ([frames[k] for k in part] for part in rows)
    found += [assess_substitution(train, held, **how), assess_known(train, held, **how)]
    console = screen_console()
    if asked.json:
        write_json(asked.json, [asdict(row) for row in found])
    table = Table(
        "", *(row.source for row in found), title=f"{asked.number} draws each, against {len(held)} crystals held out"
    )
    columns = [row.rows() for row in found]
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    console.print(table)


if __name__ == "__main__":
    main()
