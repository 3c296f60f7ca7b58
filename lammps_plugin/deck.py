"""Decks without a compiler: ``pair_style voxpot`` as ``fix external``, with the same commands.

A deck is interpreted here line by line as in LAMMPS: continuations, quotes, ``include``, ``label``, ``jump``,
``next`` and ``if`` included, because a callback can only be set between two commands.  ``pair_style voxpot``
with its ``pair_coeff`` becomes an empty pair style and a fix; all other commands are passed to LAMMPS
unchanged.  Commands that would use the zero energy of the empty pair style are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.peers import parse_peer
from ase_voxpot.weights import load_potential
from lammps_plugin.attach import Bridge
from lammps_plugin.blind import NEEDS_COMPILER, Blind, asks_at_once, blindness
from lammps_plugin.errors import DeckError
from lammps_plugin.exclusions import Exclusions
from lammps_plugin.external import EXCHANGES
from lammps_plugin.forces import THERMO, ForceBridge, asks_for_energy, asks_for_energy_at_once, names_calculator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Deck", "logical_lines", "split_words"]

FIX = "voxpot"
"""Name of the fix that stands for the pair style."""
FORCES_ONLY = "and the calculator says forces only; print temp and ke, run nve or nvt, or take a potential"
EXTERNAL = f"fix {FIX} all external pf/callback 1 1"
ONE = "thermo_style custom step temp pe emol etotal press"
"""As `one`, but with the fix in it."""
WORD = re.compile(r'"""(.*?)"""|"(.*?)"|\'(.*?)\'|([^\s"\']+)', re.DOTALL)


def logical_lines(text: str) -> Iterator[str]:
    r"""Lines with ``&`` continued, triple quotes kept whole, and comments taken off.

    >>> list(logical_lines("run &\n 5 # five\n"))
    ['run  5']
    """
    held = ""
    for line in text.splitlines():
        held += line
        if held.count('"""') % 2:
            held += "\n"
        elif held.rstrip().endswith("&"):
            held = held.rstrip()[:-1]
        else:
            yield without_comment(held).strip()
            held = ""
    if held:
        yield without_comment(held).strip()


def without_comment(line: str) -> str:
    """``line`` up to the first ``#`` outside of quotes.

    >>> without_comment("print 'a # b' # c")
    "print 'a # b' "
    """
    for match in re.finditer(r'""".*?"""|".*?"|\'.*?\'|#', line, re.DOTALL):
        if match.group() == "#":
            return line[: match.start()]
    return line


def split_words(line: str) -> list[str]:
    """Words of a command, quotes taken off.

    >>> split_words("if '$x > 2' then 'run 5'")
    ['if', '$x > 2', 'then', 'run 5']
    """
    return [next((g for g in m.groups() if g is not None), "") for m in WORD.finditer(line)]


class _File:
    """One open file of a deck."""

    def __init__(self, path: Path) -> None:
        try:
            self.lines = list(logical_lines(path.read_text()))
        except OSError as error:
            raise DeckError(f"{path}: cannot be read ({error.strerror})") from None
        self.path, self.next, self.label = path, 0, ""


class Deck:
    """Interpreter of a deck for a LAMMPS without the pair style voxpot."""

    def __init__(self, lmp: Any) -> None:
        """Make an interpreter.

        Args:
            lmp: a ``lammps`` object on one rank.
        """
        self._lmp = lmp
        self._files: list[_File] = []
        self._over = False  # the loop variable of the last `next` is used up
        self._options: dict[str, str] | None = None  # of the pair style voxpot, while there is one
        self._bridge: Bridge | ForceBridge | None = None
        self._make: Callable[[], Bridge | ForceBridge] | None = None  # a bridge like this one
        self._exclusions = Exclusions(lmp)
        self._blind: list[Blind] = []  # commands before the pair style that use its energy directly
        self._asking: list[Blind] = []  # and those that need any energy
        self._thermo = ""  # the thermo style that the deck asked for
        self._thermo_modified: list[str] = []  # and how it changed it
        self._verbs: dict[str, Callable[[list[str], str], None]] = {
            "include": lambda words, _: self._include(words),
            "jump": lambda words, _: self._jump(words),
            "label": lambda words, _: None,
            "next": self._next,
            "if": lambda words, _: self._if(words),
            "clear": self._clear,
            "pair_style": self._pair_style,
            "pair_coeff": self._pair_coeff,
            "fix": self._fix,
            "fix_modify": self._fix_modify,
            "unfix": self._fix_modify,
            "neigh_modify": self._neigh_modify,
            "thermo_style": self._thermo_style,
            "thermo_modify": self._thermo_modify,
            "write_data": self._write_data,
            "replicate": self._replicate,
        }

    def run(self, path: str | Path) -> None:
        """Carry out all of the deck at ``path``.

        Raises:
            DeckError: a command needs the compiled pair style.
        """
        self._files.append(_File(Path(path)))
        while self._files:
            file = self._files[-1]
            if file.next >= len(file.lines):
                if file.label:
                    raise DeckError(f"{file.path}: expected a 'label {file.label}' to jump to, found none")
                self._files.pop()
                continue
            line = file.lines[file.next]
            file.next += 1
            if file.label:
                if split_words(line)[:2] == ["label", file.label]:
                    file.label = ""
                continue
            self.execute(line)

    def execute(self, line: str) -> None:
        """Carry out one command."""
        self._refuse_at_once(line)
        # once and for all: a second time, $(random(…)) would be another number
        expanded = (self._lmp.expand(line) or "").strip() if line else ""
        if not expanded:
            return
        words = split_words(expanded)
        self._refuse_or_remember(words, expanded)
        verb = self._verbs.get(words[0])
        if verb is None:
            self._lmp.command(expanded)
        else:
            verb(words[1:], expanded)

    # the flow of the deck

    def _include(self, words: list[str]) -> None:
        self._files.append(_File(Path(words[0])))

    def _jump(self, words: list[str]) -> None:
        if self._over:
            self._over = False
            return
        file = self._files[-1]
        if words[0] != "SELF":
            file = self._files[-1] = _File(Path(words[0]))
        file.next = 0
        file.label = words[1] if len(words) > 1 else ""

    def _next(self, words: list[str], line: str) -> None:
        self._lmp.command(line)
        self._over = not self._lmp.has_id("variable", words[0])

    def _if(self, words: list[str]) -> None:
        """Conditions are evaluated by LAMMPS; the commands are executed here."""
        for condition, commands in branches(words):
            if condition is None or self._holds(condition):
                for command in commands:
                    self.execute(command)
                return

    def _holds(self, condition: str) -> bool:
        name = "voxpot_if"
        self._lmp.command(f'if "{condition}" then "variable {name} string yes" else "variable {name} string no"')
        answer = self._lmp.extract_variable(name)
        self._lmp.command(f"variable {name} delete")
        return bool(answer == "yes")

    def _clear(self, words: list[str], line: str) -> None:
        self._lmp.command(line)
        self._options = self._bridge = None
        self._exclusions, self._blind, self._asking = Exclusions(self._lmp), [], []
        self._thermo, self._thermo_modified = "", []

    def _neigh_modify(self, words: list[str], line: str) -> None:
        self._lmp.command(line)
        self._exclusions.read(words)

    # the pair style

    def _pair_style(self, words: list[str], line: str) -> None:
        if words[0] == "voxpot":
            self._refuse_early(self._blind)
            self._options = dict(zip(words[1::2], words[2::2], strict=False))
            if len(words) % 2 == 0 or set(self._options) - {"dtype", "device"}:
                raise DeckError(
                    "pair_style voxpot: expected [dtype float32|float64] [device auto|cpu|cuda], "
                    f"got {' '.join(words[1:])!r}"
                )
            return
        if words[0].startswith("hybrid") and "voxpot" in words:
            raise DeckError(f"pair_style {words[0]} with voxpot needs the compiled pair style{NEEDS_COMPILER}")
        if self._bridge:
            self._lmp.command(f"unfix {FIX}")
        self._options = self._bridge = None
        self._lmp.command(line)

    def _pair_coeff(self, words: list[str], line: str) -> None:
        if self._options is None:
            self._lmp.command(line)
            return
        if len(words) < 4 or words[:2] != ["*", "*"]:
            raise DeckError(
                "pair_style voxpot: expected 'pair_coeff * * MODEL ELEMENT ...' with one element per atom type"
            )
        if names_calculator(words):
            self._take_calculator(words)
            return
        potential = load_potential(
            words[2],
            device=self._options.get("device", "auto"),
            dtype=self._options.get("dtype", "float32"),  # type: ignore[arg-type]
        )
        self._take_over(
            f"pair_style zero {potential.cutoff}",
            ONE,
            lambda: Bridge(self._lmp, FIX, potential, words[3:], exclusions=self._exclusions),
        )

    def _take_calculator(self, words: list[str]) -> None:
        """Forces of an ASE calculator, atoms in the order of their ids."""
        calculator = parse_peer(words[2], patient=False).make()
        self._refuse_early(self._asking)
        if self._thermo and asks_for_energy(split_words(self._thermo)):
            raise DeckError(f"{self._thermo!r} needs an energy or a pressure, {FORCES_ONLY}")
        self._take_over(
            "pair_style zero 5.0",
            THERMO,
            lambda: ForceBridge(self._lmp, FIX, calculator, words[3:], exclusions=self._exclusions),
        )

    def _take_over(self, pair_style: str, thermo: str, make: Callable[[], Bridge | ForceBridge]) -> None:
        """Set an empty pair style, the fix, and a thermo style with its energy, unless the deck has set one."""
        for command in (pair_style, "pair_coeff * *", EXTERNAL):
            self._lmp.command(command)  # the fix, if it is there, keeps its place among the others
        if self._thermo in ("", "thermo_style one"):
            for command in (thermo, *self._thermo_modified):
                self._lmp.command(command)
        self._make, self._bridge = make, make()

    def _replicate(self, words: list[str], line: str) -> None:
        """Remove the fix of the model during ``replicate``, which does not support per-atom data of fixes."""
        if self._bridge is None or self._make is None:
            self._lmp.command(line)
            return
        for command in (f"unfix {FIX}", line, EXTERNAL):
            self._lmp.command(command)
        self._bridge = self._make()

    # commands that would miss the energy

    def _refuse_at_once(self, line: str) -> None:
        """Refuse immediate variables that are not supported."""
        if self._options is not None and asks_at_once(line):
            raise DeckError(f"{line!r} asks for the energy of the pair style alone, which is empty here; use 'pe'")
        if isinstance(self._bridge, ForceBridge) and asks_for_energy_at_once(line):
            raise DeckError(f"{line!r} needs an energy or a pressure, {FORCES_ONLY}")

    def _refuse_or_remember(self, words: list[str], line: str) -> None:
        """Refuse unsupported commands; before the pair style, remember those that would be unsupported with it."""
        if asks_for_energy(words):
            asking = Blind(
                f"{line!r} needs an energy or a pressure, {FORCES_ONLY}", words[0], words[1] if words[1:] else ""
            )
            if isinstance(self._bridge, ForceBridge):
                raise DeckError(asking.sentence)
            if asking.kind in ("fix", "compute", "variable"):
                self._asking.append(asking)
        if blind := blindness(words, line):
            if self._options is not None:
                raise DeckError(blind.sentence)
            self._blind.append(blind)

    def _refuse_early(self, early: list[Blind]) -> None:
        """Refuse commands before the pair style that are still in force."""
        for blind in early:
            there = self._thermo == blind.name if blind.kind == "thermo" else self._lmp.has_id(blind.kind, blind.name)
            if blind.kind and there:
                raise DeckError(blind.sentence)
        early.clear()

    def _fix(self, words: list[str], line: str) -> None:
        if words[0] == FIX:
            raise DeckError(
                f"the name {FIX!r} belongs to the fix that stands for pair_style voxpot; choose another one"
            )
        if len(words) > 2 and words[2] in EXCHANGES and "full_energy" not in words:
            line += " full_energy"  # as LAMMPS does by itself where a pair style knows no energies of single atoms
        self._lmp.command(line)

    def _fix_modify(self, words: list[str], line: str) -> None:
        if words[0] == FIX:
            raise DeckError(f"the fix {FIX!r} stands for pair_style voxpot and must stay as it is, got {line!r}")
        self._lmp.command(line)

    def _thermo_style(self, words: list[str], line: str) -> None:
        self._thermo, self._thermo_modified = " ".join(["thermo_style", *words]), []
        self._lmp.command(ONE if self._options is not None and words[0] == "one" else line)

    def _thermo_modify(self, words: list[str], line: str) -> None:
        self._lmp.command(line)
        self._thermo_modified.append(line)

    def _write_data(self, words: list[str], line: str) -> None:
        """Write without the coefficients of the empty pair style, unless those of bonds would be lost."""
        bonds = any(self._lmp.extract_setting(f"n{kind}types") for kind in ("bond", "angle", "dihedral", "improper"))
        self._lmp.command(line if self._options is None or bonds or "nocoeff" in words else f"{line} nocoeff")


def branches(words: list[str]) -> Iterator[tuple[str | None, list[str]]]:
    """Conditions of an ``if`` with their commands; None stands for ``else``.

    >>> list(branches(["$x > 2", "then", "run 1", "elif", "$x > 1", "run 2", "else", "run 3"]))
    [('$x > 2', ['run 1']), ('$x > 1', ['run 2']), (None, ['run 3'])]
    """
    condition: str | None = words[0]
    commands: list[str] = []
    rest = iter(words[2:])
    for word in rest:
        if word in ("elif", "else"):
            yield condition, commands
            condition, commands = (next(rest, "0") if word == "elif" else None), []
        else:
            commands.append(word)
    yield condition, commands
