"""Cost of a training step: counted, bounded by what the machine reaches, measured, and its gradients checked.

    python -m voxpot_training.benchmark --model motaw --threads 1,2

A multiply-add counts two.  A step is the evaluation of energies and slopes (``ase_voxpot.benchmark.counts``), the
derivative of that along a direction, in dual numbers, and the sums over atoms that give the derivatives by the
weights.  The product of two dual numbers has three products, of which the derivative needs two and one sum; those of
a constant matrix and dual numbers are one more product of the same size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
import typer
from rich.console import Console

from ase_voxpot.benchmark.counts import count, sphere_points
from ase_voxpot.benchmark.machine import Peaks, fastest, measure_peaks
from ase_voxpot.benchmark.systems import make_system
from ase_voxpot.cli.options import Json, Seed
from ase_voxpot.descriptor import expansion_of
from ase_voxpot.engines.cpu.engine import CpuEngine
from ase_voxpot.errors import ConfigError, VoxPotError
from ase_voxpot.frames.labels import Labels
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.plotting.screen import console, progress, table
from ase_voxpot.simd.threads import set_threads
from ase_voxpot.storage.files import write_json
from ase_voxpot.weights import find_model, load_potential, read_header
from voxpot_training.config import LossConfig
from voxpot_training.loop import one_thread
from voxpot_training.potential.batches import Predictor, collate, make_example
from voxpot_training.potential.losses import potential_loss
from voxpot_training.soap import Soap

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase_voxpot.potential import Potential
    from ase_voxpot.spec import PotentialSpec
    from voxpot_training.potential.batches import Batch, Example

__all__ = ["Findings", "app", "measure"]

TOLERANCE = 1e-5
"""Largest relative difference of gradients in float32 from those of torch in float64."""
DUAL = 2.5
"""Cost of the derivative of a product of dual numbers, over that of the product."""
ENOUGH, FEWEST = 0.5, 3
"""s, duration of the repeats of what is timed, and their least number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Cost of a step per atom."""

    model: str
    atoms: int  # of the batch
    parameters: int
    peaks: Peaks
    flops: dict[str, float]  # per atom, of each part
    seconds: dict[int, dict[str, float]]  # per atom, by number of threads
    deviation: float  # of the gradients from those of torch in float64, relative
    rounding: float  # of those of torch in float32

    def floor(self, part: str) -> float:
        """Lower bound of the seconds per atom."""
        return self.flops[part] / self.peaks.flops


def count_step(spec: PotentialSpec, *, pairs: float) -> dict[str, float]:
    """FLOP per atom of each part of a step.

    Args:
        spec: of a steerable potential.
        pairs: per atom.

    Raises:
        ConfigError: another kind of network.
    """
    points = sphere_points(spec.network)
    cost = {c.stage: c.flops for c in count(spec, pairs=pairs, points=points, itemsize=4)}
    first = sum(v for stage, v in cost.items() if stage not in ("neighbours", "forces"))
    linear = ("mixtures", "mixtures, adjoint", "fields", "fields, adjoint", "sphere", "sphere, adjoint", "dense")
    same = sum(cost.get(stage, 0.0) for stage in linear)
    products = sum(v for stage, v in cost.items() if stage.startswith(("squares", "products")))
    outer = 2 * sum(cost.get(stage, 0.0) for stage in ("mixtures", "fields")) + cost["dense"]
    return {
        "first pass": first,
        "second pass": same + DUAL * products + cost["gather"],
        "sums": outer,
    }


def _batch(potential: Potential, atoms: int, seed: int, model: str) -> tuple[list[Example], Batch]:
    """Rattled alloys with random labels."""
    card = read_header(find_model(model))["card"]
    rng = np.random.default_rng(seed)
    examples: list[Example] = []
    while sum(e.pairs.atoms for e in examples) < atoms:
        frame = make_system(54, potential.spec.species, seed=seed + len(examples), card=card).whole()
        forces, stress = rng.normal(size=(len(frame), 3)), 0.1 * rng.normal(size=6)
        labels = Labels(energy=float(rng.normal()), forces=forces, stress=stress, group="random")
        examples.append(make_example(frame, labels, potential.spec))
    return examples, collate(examples, torch.empty(0, dtype=getattr(torch, potential.dtype.name)))


def _gradients(potential: Potential, predict: Predictor, batch: Batch) -> list[torch.Tensor]:
    network = potential.network.requires_grad_(True)
    loss = potential_loss(predict(network, batch, train=True), batch, LossConfig(), 1.0)
    return list(torch.autograd.grad(loss, list(network.parameters())))


def measure(model: str, *, atoms: int, threads: tuple[int, ...], seed: int) -> Findings:
    """Time a step of training of a model on random labels.

    Args:
        model: shipped name or file.
        atoms: of a batch.
        threads: numbers of threads.
        seed: of structures and labels.

    Raises:
        ConfigError: a network whose gradients are not compiled.
    """
    potential = load_potential(model, device="cpu")
    network, spec = potential.network.requires_grad_(True), potential.spec
    if not isinstance(network, SteerableNetwork):
        raise ConfigError(f"expected a steerable network, whose steps are compiled, got {spec.network.kind!r}")
    examples, batch = _batch(potential, atoms, seed, model)
    species, scene = batch.species, batch.scene
    exact = load_potential(model, device="cpu", dtype="float64")
    wide = collate(examples, torch.empty(0, dtype=torch.float64))
    expected = _gradients(exact, Predictor(exact.representation, graph=True), wide)
    predict, graph = Predictor(potential.representation), Predictor(potential.representation, graph=True)
    found = _gradients(potential, predict, batch)
    deviation, rounding = (
        max(float((a.double() - b).norm() / b.norm()) for a, b in zip(some, expected, strict=True))
        for some in (found, _gradients(potential, graph, batch))
    )
    inference = CpuEngine.of_network(network, expansion_of(spec))
    optimiser = Soap(network.parameters(), lr=0.0)

    def step(by: Predictor) -> None:
        fresh = collate(examples, batch.energy)
        loss = potential_loss(by(network, fresh, train=True), fresh, LossConfig(), 1.0)
        optimiser.zero_grad()
        loss.backward()
        with one_thread():  # as in a training
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()

    engine = predict.engine_for(network)
    arrays = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    ones, tangents = np.ones(len(species), np.float32), np.ones((len(scene.pairs), 3), np.float32)
    work: dict[str, Callable[[], object]] = {
        "inference": lambda: inference(scene.pairs, species, scene.channel),
        "first pass": lambda: engine.first(arrays, scene.pairs, species, scene.channel),
        "second pass": lambda: engine.second_pass(ones, tangents),
        "sums": engine.sums,
        "step": lambda: step(predict),
        "step, by torch": lambda: step(graph),
    }
    seconds: dict[int, dict[str, float]] = {}
    try:
        with progress("steps", len(threads) * len(work)) as advance:
            for number in threads:
                set_threads(number)
                torch.set_num_threads(number)
                optimiser.threads = number
                seconds[number] = {}
                for name, run in work.items():
                    seconds[number][name] = fastest(run, enough=ENOUGH, fewest=FEWEST) / len(species)
                    advance()
    finally:
        set_threads(1)
    torch.set_num_threads(1)
    return Findings(
        model=model,
        atoms=len(species),
        parameters=sum(p.numel() for p in network.parameters()),
        peaks=measure_peaks("cpu", np.float32),
        flops=count_step(spec, pairs=len(scene.pairs) / len(species)),
        seconds=seconds,
        deviation=deviation,
        rounding=rounding,
    )


def _print(found: Findings) -> None:
    title = (
        f"{found.model}: steps with batches of {found.atoms} atoms, {found.parameters:,} parameters, float32; "
        f"one thread of this machine reaches {found.peaks.flops / 1e9:.0f} GFLOP/s"
    )
    rows = table(title, "part", "threads", "kFLOP/atom", "floor\nµs/atom", "measured\nµs/atom", "×", "atoms/s")
    for number, seconds in found.seconds.items():
        for part, measured in seconds.items():
            counted = part in found.flops and number == 1
            rows.add_row(
                part,
                str(number),
                f"{found.flops[part] / 1e3:.0f}" if counted else "",
                f"{1e6 * found.floor(part):.2f}" if counted else "",
                f"{1e6 * measured:.2f}",
                f"{measured / found.floor(part):.1f}" if counted else "",
                f"{1 / measured:,.0f}" if part in ("inference", "step", "step, by torch") else "",
            )
        rows.add_section()
    out = console()
    out.print(rows)
    one = next(iter(found.seconds.values()))
    out.print(f"a step costs {one['step'] / one['inference']:.1f} × energies, forces and virial", highlight=False)
    out.print(f"a step by torch takes {one['step, by torch'] / one['step']:.1f} × as long", highlight=False)
    for number, seconds in list(found.seconds.items())[1:]:
        out.print(f"{number} threads are {one['step'] / seconds['step']:.2f} × as fast as one", highlight=False)
    out.print(
        f"gradients differ by {found.deviation:.1e} from those of torch in float64, by {found.rounding:.1e} those of "
        "torch in float32",
        highlight=False,
    )


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def benchmark(
    model: Annotated[str, typer.Option("--model", "-m", help="Shipped model or weight file.")] = "motaw",
    atoms: Annotated[int, typer.Option(help="Atoms of a batch.", min=1)] = 600,
    threads: Annotated[str, typer.Option(help="Numbers of threads, with commas between.")] = "1",
    json: Json = None,
    seed: Seed = 0,
) -> None:
    """Time a step of training, with lower bounds; exit status 1 if its gradients are not those of torch.

    python -m voxpot_training.benchmark --threads 1,2
    """
    try:
        numbers = tuple(int(part) for part in threads.split(","))
        if min(numbers) < 1:
            raise ValueError
        found = measure(model, atoms=atoms, threads=numbers, seed=seed)
    except ValueError:
        Console(stderr=True).print(
            f"error: threads: expected whole numbers from 1 on, got {threads!r}", highlight=False
        )
        raise typer.Exit(2) from None
    except VoxPotError as error:
        Console(stderr=True).print(f"error: {error}", highlight=False)
        raise typer.Exit(2) from None
    _print(found)
    if json is not None:
        write_json(json, asdict(found))
    allowed = max(TOLERANCE, 2 * found.rounding)
    if not found.deviation <= allowed:
        Console(stderr=True).print(f"error: gradients differ by {found.deviation:.0e}, more than {allowed:.0e}")
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
