"""Hooks of the site: README, CONTRIBUTING and the cards of the models are pages, too, though they lie elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
CARDS = ROOT / "ase_voxpot" / "pretrained"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside of ``examples``."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    readme = readme.replace("](examples/", "](").replace("](.github/CONTRIBUTING.md", "](contributing.md")
    pages = {"index.md": readme, "contributing.md": (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")}
    pages |= {f"cards/{card.name}": card.read_text(encoding="utf-8") for card in sorted(CARDS.glob("*.md"))}
    for place, text in pages.items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to the cards of models to their pages."""
    return markdown.replace("](../../ase_voxpot/pretrained/", "](../cards/")
