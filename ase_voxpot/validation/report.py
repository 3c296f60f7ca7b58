"""Files of a validation: HTML page, pictures and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.storage.files import draft_of, make_parents, write_json
from ase_voxpot.validation.page import page
from ase_voxpot.validation.pictures import panels, save_png, svg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ase_voxpot.validation.validate import Validation

__all__ = ["write_report"]


def write_report(v: Validation, folder: Path, *, observe: Callable[[str], None] = lambda name: None) -> Path:
    """Write ``report.html``, ``report.json`` and a PNG of every picture; the path of the page.

    Args:
        v: the validation.
        folder: made if it does not exist.
        observe: called with the name of every picture.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    target = make_parents(folder / "report.html")
    pictures: dict[str, list[tuple[str, str]]] = {}
    for name, group, figure in panels(v):
        save_png(figure, folder / f"{name}.png")
        pictures.setdefault(group, []).append((name, svg(figure, name)))
        observe(name)
    write_json(folder / "report.json", v.to_json())
    with draft_of(target) as draft:
        draft.write_text(page(v, pictures), encoding="utf-8")
    return target
