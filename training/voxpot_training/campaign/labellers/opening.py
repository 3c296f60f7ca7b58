"""The labeller of a configuration or of ``--labeller``."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import ConfigError, VoxPotError
from voxpot_training.campaign.labellers.ase import AseLabeller
from voxpot_training.campaign.labellers.command import CommandLabeller, words_of
from voxpot_training.campaign.labellers.gpaw import gpaw_labeller

if TYPE_CHECKING:
    from ase import Atoms

    from voxpot_training.campaign.config import LabellerConfig
    from voxpot_training.campaign.labellers.vasp import VaspLabeller

__all__ = ["functional_of", "identity_of", "is_calculator", "labeller_here", "open_labeller"]

KNOWN_FUNCTIONALS = {"gpaw": "PBE"}
"""Of labellers that come with this project."""


def open_labeller(config: LabellerConfig) -> AseLabeller | CommandLabeller | VaspLabeller:
    """Make the labeller.

    Raises:
        ConfigError: not one of those that there are.
        MissingPackageError: what it needs is not installed.
    """
    use = config.use.strip()
    if config.settings and use not in ("gpaw", "vasp"):
        raise ConfigError(f"labeller.settings: expected them with gpaw or vasp, got them with {use!r}")
    if config.command and use != "vasp":
        raise ConfigError(f"labeller.command: expected it with vasp, got it with {use!r}")
    if use == "gpaw":
        return gpaw_labeller(config.settings, limit=config.limit)
    if use == "vasp":
        from voxpot_training.campaign.labellers.vasp import VaspLabeller  # imports what draws reports

        return VaspLabeller(config)
    if "{input}" in use or "{output}" in use or " " in use:
        seconds = 60.0 if config.seconds is None else config.seconds

        def cost(atoms: Atoms) -> float:
            return seconds * (len(atoms) / 10) ** 2

        words = words_of(use)
        return CommandLabeller(words, name=words[0], limit=config.limit, cost=cost)
    if ":" in use:
        return AseLabeller(use, limit=config.limit, seconds=config.seconds)
    raise ConfigError(
        f"labeller: expected module:factory of an ASE calculator, a command with {{input}} and {{output}}, gpaw "
        f"(free: apt install gpaw gpaw-data) or vasp, got {use!r}"
    )


def is_calculator(config: LabellerConfig) -> bool:
    """Whether the labeller is an ASE calculator, in whose place other computations than labels can put it.

    Raises:
        VoxPotError: as ``open_labeller``.
    """
    labeller = open_labeller(config)
    labeller.close()
    return isinstance(labeller, AseLabeller)


_MADE: dict[int, tuple[str, Any]] = {}
"""Labellers of this process, by thread, with their configurations."""


def labeller_here(text: str) -> Any:
    """The labeller of this thread of a worker, from its configuration as JSON; that of another one is closed."""
    import json

    from ase_voxpot.spec import decode
    from voxpot_training.campaign.config import LabellerConfig

    thread = threading.get_ident()
    known = _MADE.get(thread)
    if known is not None and known[0] == text:
        return known[1]
    if known is not None:
        known[1].close()
    labeller = open_labeller(decode(LabellerConfig, json.loads(text)))
    _MADE[thread] = (text, labeller)
    return labeller


@atexit.register
def _close_all() -> None:
    for _, labeller in _MADE.values():
        labeller.close()


def functional_of(config: LabellerConfig) -> str:
    """The functional of the labels, as far as it is known.

    Raises:
        ConfigError: one is given, and the labeller has another.
    """
    known = KNOWN_FUNCTIONALS.get(config.use.strip(), "")
    if known and config.functional and config.functional != known:
        raise ConfigError(
            f"labeller.functional: expected {known}, which {config.use} computes, got {config.functional}"
        )
    return config.functional or known


def identity_of(config: LabellerConfig) -> dict[str, Any]:
    """What decides on the labels, for the keys of their files."""
    use = config.use.strip()
    try:
        functional = functional_of(config)
    except VoxPotError:
        functional = config.functional
    same = {"use": use, "functional": functional, "settings": config.settings}
    return same | ({"set": config.set} if use == "vasp" else {})
