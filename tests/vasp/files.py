"""Small files in the layouts of several versions of VASP, of two atoms of which one moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ATOMS = 2
EDGE = 3.2
"""Å, of the cubic cell."""
RULE = " " + 83 * "-" + "\n"
LATTICE = "".join(f"   {a:13.9f}{b:13.9f}{c:13.9f}   {a:13.9f}{b:13.9f}{c:13.9f}\n" for a, b, c in (
    (EDGE, 0, 0), (0, EDGE, 0), (0, 0, EDGE)
))  # fmt: skip


def place(step: int) -> float:
    """x of the second atom in a step, Å."""
    return 1.6 + 0.01 * step


def energy_of(step: int) -> float:
    """TOTEN of a step, eV."""
    return -24.0 - step / 8


# ---- OUTCAR


def head(version: str = "6.4.3", **settings: object) -> str:
    """What stands before the first step; settings of INCAR override these."""
    result = {"NELM": 60, "IBRION": 0, "POTIM": 2.0, "TEBEG": 900.0, "ENCUT": 520.0} | settings
    lines = "".join(f"   {name:6s} = {value}\n" for name, value in result.items())
    return (
        f" vasp.{version} 19Mar24 (build) complex\n\n   VRHFIN =W: 5p6s5d\n   TITEL  = PAW_PBE W 08Apr2002\n"
        f"   ions per type =               2\n{lines}  Mass of Ions in am\n   POMASS = 183.85\n"
    )


def loops(step: int | str, count: int = 5, result: str = "") -> str:
    """Electronic steps, and the line at their end: "reached", "missed" or nothing."""
    text = "".join(
        f"--------------------------------------- Iteration {step!s:>6}({i:4d})  ---------------------------\n"
        f"  free energy    TOTEN  = {energy_of(0) + 1 / i:18.8f} eV\n\n"
        f"  energy without entropy = {energy_of(0):18.8f}  energy(sigma->0) = {energy_of(0):18.8f}\n"
        for i in range(1, count + 1)
    )
    words = {"reached": "because EDIFF is reached", "missed": "EDIFF was not reached (unconverged)"}
    return text + (f"------------------------ aborting loop {words[result]} ---------\n" if result else "")


def stress(step: int, *, learned: bool = False) -> str:
    """Six kilobars; those of a machine-learned force field are others."""
    title = (
        "ML FORCE on cell =-STRESS in cart. coord. units (eV/cell)" if learned else "FORCE on cell =-STRESS in cart."
    )
    rows = "".join(f"{x:12.5f}" for x in ((999.0,) * 6 if learned else (10.0 * step, 20, 30, 1, 2, 3)))
    return f"\n  {title}\n  Direction    XX          YY\n  in kB  {rows}\n"


def lattice() -> str:
    """The cell."""
    return f"  volume of cell :       32.77\n      direct lattice vectors                 reciprocal\n{LATTICE}\n"


def table(step: int, *, learned: bool = False, more: str = "", title: str = "") -> str:
    """Positions and forces; ``more`` are further columns."""
    size = 9.0 if learned else 0.1 * step
    rows = "".join(
        f"{x:13.5f}{y:13.5f}{y:13.5f}   {f:14.6f}{0:14.6f}{0:14.6f}{more}\n"
        for x, y, f in ((0.0, 0.0, size), (place(step), EDGE / 2, -size))
    )
    ml = " (ML)" if learned else ""
    return f" POSITION                                       TOTAL-FORCE (eV/Angst){ml}{title}\n{RULE}{rows}{RULE}"


def energies(step: int, *, learned: bool = False, more: str = "") -> str:
    """Those of an ionic step; energy(sigma->0) lies 0.5 eV higher, and those of a force field are 0."""
    ml, gap = ("ML", "ML ") if learned else (" ", "")
    free = 0.0 if learned else energy_of(step)
    return (
        f"  free  energy {ml} TOTEN  = {free:18.8f} eV{more}\n\n"
        f"  {gap}energy  without entropy={free + 1:18.8f}{more}  {gap}energy(sigma->0) ={free + 0.5:18.8f}{more}\n"
    )


def warm(step: int) -> str:
    """The kinetic energy of a step."""
    return f"  kin. lattice  EKIN_LAT=         0.000000  (temperature{900.0 + step:8.2f} K)\n"


def learned(step: int) -> str:
    """All that a machine-learned force field writes for a step."""
    return stress(step, learned=True) + lattice() + table(step, learned=True) + energies(step, learned=True)


def computed(step: int, count: int = 5, result: str = "reached") -> str:
    """All that VASP 5.4 and later write for a step computed with DFT."""
    parts = (loops(step, count, result), stress(step), lattice(), table(step), energies(step), warm(step))
    return "".join(parts)


END = "\n General timing and accounting informations for this job:\n"


# ---- vasprun.xml


def _rows(rows: Iterable[Iterable[float]]) -> str:
    return "".join(f"    <v> {' '.join(f'{x:16.8f}' for x in row)} </v>\n" for row in rows)


def structure(step: int) -> str:
    """Cell and positions."""
    cell = _rows([(EDGE, 0, 0), (0, EDGE, 0), (0, 0, EDGE)])
    places = _rows([(0, 0, 0), (place(step) / EDGE, 0.5, 0.5)])
    return (
        f' <structure>\n  <crystal>\n   <varray name="basis" >\n{cell}   </varray>\n  </crystal>\n'
        f'  <varray name="positions" >\n{places}  </varray>\n </structure>\n'
    )


def _energy(values: Mapping[str, float]) -> str:
    return "<energy>\n" + "".join(f'   <i name="{k}"> {v:16.8f} </i>\n' for k, v in values.items()) + "</energy>\n"


def xml_head(**settings: object) -> str:
    """What stands before the first step; the settings of INCAR are those given, besides some of MD."""
    result = {"IBRION": 0, "POTIM": 2.0, "TEBEG": 900.0, "ENCUT": 520.0, "EDIFF": 1e-4} | settings
    items = "".join(f'  <i name="{k}">{f" {v} "}</i>\n' for k, v in result.items())
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n  <i name="program">vasp </i>\n'
        f' </generator>\n <incar>\n{items} </incar>\n <parameters>\n  <i type="int" name="NELM"> 60 </i>\n'
        ' </parameters>\n <atominfo>\n  <array name="atoms" >\n   <set>\n'
        "    <rc><c>W </c><c> 1</c></rc>\n    <rc><c>W </c><c> 1</c></rc>\n   </set>\n  </array>\n"
        '  <array name="atomtypes" >\n   <set>\n    <rc><c> 2</c><c>W </c><c> 183.85 </c><c> 6.0 </c>'
        "<c>  PAW_PBE W 08Apr2002 </c></rc>\n   </set>\n  </array>\n </atominfo>\n"
    )


def xml_computed(
    step: int, count: int = 5, *, changes: tuple[float, ...] = (), kinetic: float | None = None, loops: bool = True
) -> str:
    """A step computed with DFT.

    Args:
        step: its number.
        count: electronic steps.
        changes: of the energy in the last of these, eV; 0.1 before.
        kinetic: energy of the ions, eV.
        loops: whether there are electronic steps at all.
    """
    free = energy_of(step)
    steps = [0.1] * (count - len(changes)) + list(changes)
    energies_ = [free + sum(steps[k + 1 :]) for k in range(count)]
    scf = "".join(f" <scstep>\n{_energy({'e_fr_energy': e, 'e_0_energy': e + 0.5})} </scstep>\n" for e in energies_)
    final = {"e_fr_energy": free, "e_wo_entrp": free + 1, "e_0_energy": free + 0.5}
    final |= {} if kinetic is None else {"kinetic": kinetic}
    forces = _rows([(0.1 * step, 0, 0), (-0.1 * step, 0, 0)])
    kilobar = _rows([(10.0 * step, 1, 3), (1, 20, 2), (3, 2, 30)])
    return (
        f" <calculation>\n{scf if loops else ''}{structure(step)}"
        f'  <varray name="forces" >\n{forces}  </varray>\n  <varray name="stress" >\n{kilobar}  </varray>\n'
        f"{_energy(final)} </calculation>\n"
    )


def xml_learned(step: int) -> str:
    """A step of a machine-learned force field, which stands outside of a calculation."""
    nine = _rows([(9.0, 0, 0), (-9.0, 0, 0)])
    return (
        f'{structure(step)} <varray name="forces" >\n{nine} </varray>\n <varray name="stress" >\n'
        f"{_rows([(999.0,) * 3] * 3)} </varray>\n{_energy({'e_fr_energy': 0.0, 'kinetic': 0.1, 'total': 0.1})}"
        ' <time name="totalsc">    0.01    0.01</time>\n'
    )


XML_END = "</modeling>\n"
