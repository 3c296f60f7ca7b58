"""``voxpot info``: list the shipped models, or describe one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ase_voxpot.extensions import extensions, load_extension
from ase_voxpot.plotting.screen import console, score_table, table

__all__ = ["info"]


def info(
    model: Annotated[
        str | None, typer.Argument(help="Name of a shipped model, or path of a weight file.", show_default=False)
    ] = None,
) -> None:
    """List the shipped models, or describe one.

    voxpot info
    voxpot info motaw
    voxpot info runs/mine.safetensors
    """
    if model is None:
        _list_models()
    else:
        _describe(model)


def _list_models() -> None:
    from ase_voxpot.weights import find_model, read_header, shipped_models

    names = shipped_models()
    if not names:
        console().print("No models are shipped with this installation; give the path of a weight file.")
        return
    rows = table("Shipped models", "name", "species", "cutoff (Å)", "network")
    for name in names:
        spec = read_header(find_model(name))["spec"]
        rows.add_row(name, " ".join(spec.species), f"{spec.cutoff:g}", spec.network.kind)
    console().print(rows)
    _list_others()


def _list_others() -> None:
    """The models of extensions, which are no potentials."""
    from ase_voxpot.errors import VoxPotError

    for name, point in extensions("voxpot.models").items():
        try:
            entries = load_extension(point).catalogue()
        except VoxPotError as error:
            console().print(f"Models of {name}: {error}", soft_wrap=True)
            continue
        rows = table(f"Models of {name}", "name", "used by", "about")
        rows.columns[1].justify = rows.columns[2].justify = "left"
        rows.columns[2].no_wrap = False
        for entry in entries:
            rows.add_row(entry.name, f"voxpot {entry.verb}", entry.about)
        if entries:
            console().print(rows)


def _card_of_another(model: str) -> dict[str, Any] | None:
    """The card of a model of an extension; None for any other."""
    from ase_voxpot.errors import VoxPotError

    for point in extensions("voxpot.models").values():
        try:
            card: dict[str, Any] | None = load_extension(point).card_of(model)
        except VoxPotError:
            continue
        if card is not None:
            return card
    return None


def _describe(model: str) -> None:
    from ase_voxpot.network.outline import outline
    from ase_voxpot.weights import find_model, load_potential, read_header

    other = _card_of_another(model)
    if other is not None:
        _print_card(other, model)
        return
    path = find_model(model)
    header = read_header(path)
    potential = load_potential(model, device="cpu")  # verifies the checksum
    spec = header["spec"]
    parameters = potential.parameters
    rows = table(f"Model {model}", "", "")
    rows.show_header = False
    rows.columns[1].justify, rows.columns[1].no_wrap = "left", False
    for name, value in (
        ("file", str(path)),
        ("species", " ".join(spec.species)),
        ("cutoff", f"{spec.cutoff:g} Å"),
        ("network", spec.network.kind),
        *outline(spec).items(),
        ("parameters", f"{parameters:,}"),
        (
            "free atoms",
            ", ".join(f"{s} {e:.4f} eV" for s, e in zip(spec.species, spec.baseline.reference, strict=True)),
        ),
        ("repulsion", f"ZBL, full below {spec.baseline.zbl_inner:g} Å, gone at {spec.baseline.zbl_outer:g} Å"),
        ("uncertainty", _limits(header["uncertainty"])),
        ("checksum", header["checksum"][:16] + "…"),
    ):
        rows.add_row(name, value)
    console().print(rows)
    _print_card(header["card"], model)


def _limits(known: Any) -> str:
    if known is None:
        return "none"
    return (
        f"last-layer posterior, at most {1000 * known.energy_limit:.1f} meV/atom for a frame and "
        f"{1000 * known.atom_limit:.0f} meV for an atom in validation"
    )


def _print_card(card: dict[str, Any], model: str) -> None:
    """The card as a tree, and its errors as a table."""
    from rich.markup import escape
    from rich.tree import Tree

    from ase_voxpot.errors import ConfigError
    from ase_voxpot.scoring import Scores

    def grow(tree: Tree, value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            if isinstance(inner, dict) or (isinstance(inner, list) and any(isinstance(v, dict | list) for v in inner)):
                grow(tree.add(escape(str(key))), inner)
            else:
                text = ", ".join(map(str, inner)) if isinstance(inner, list) else str(inner)
                tree.add(escape(f"{key}: {text}"))

    try:
        scores = Scores.from_json(card["holdout"])
    except (KeyError, ConfigError, AttributeError, TypeError, ValueError):
        scores = None
    # the config is for training it again, and long
    shown = {k: v for k, v in card.items() if k != "config" and not (k == "holdout" and scores)}
    if shown:
        tree = Tree("Model card")
        grow(tree, shown)
        console().print(tree)
    if scores:
        console().print(score_table(scores, title=f"{model} on its hold-out"))
