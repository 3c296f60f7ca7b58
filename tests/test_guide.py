"""README and the guide: code blocks run, commands and options exist, links lead somewhere.

Blocks marked ```` ```python ```` and ```` ```sh ```` of a page run in order in one empty folder, the Python
blocks in one namespace.  A comment in the line above a block changes that:

    <!-- long -->         is not run; its commands and options are still looked up
    <!-- file: NAME -->   is written to NAME, whatever its language
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from ase_voxpot.cli import app
from voxpot_training.config import load_config

ROOT = Path(__file__).parents[1]
README, GUIDE = ROOT / "README.md", ROOT / "examples" / "guide"
PAGES = [README, *sorted(GUIDE.glob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^>\n]+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
JARGON = re.compile(r"\b(said|rooms?|roads?|whoever|strangers?|yardsticks?|famil(y|ies))\b", re.IGNORECASE)
ENDS_COMMAND = {"&&", "||", "|", ";"}
LARGEST = 10_000
"""Bytes of README."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    mark: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, b.start("text")) + 1, b["language"], b["mark"] or "", b["text"])
        for b in BLOCK.finditer(text)
    ]


def prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Names of the headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def targets(page: Path) -> list[str]:
    return [t for t in LINK.findall(prose(page)) if not t.startswith(("http:", "https:"))]


def commands(block: Block) -> list[list[str]]:
    """The simple commands of a block, without what stands before their names."""
    found: list[list[str]] = []
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        simple: list[str] = []
        for word in [*words, ";"]:
            if word in ENDS_COMMAND:
                found += [simple] if simple else []
                simple = []
            elif simple or not re.fullmatch(r"\w+=.*", word):
                simple.append(word.removeprefix(".venv/bin/"))
    return found


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = os.pathsep.join([str(ROOT), str(ROOT / "training"), os.environ.get("PYTHONPATH", "")])
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PYTHONPATH": places, "PATH": programs, "MPLBACKEND": "Agg"}
    namespace: dict[str, object] = {"__name__": "page"}
    for block in blocks(page):
        if block.mark.startswith("file: "):
            Path(block.mark.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
        elif block.mark == "long":
            continue
        elif block.language == "python":
            lines = "\n" * (block.line - 1) + block.text  # so that a traceback names the line of the page
            exec(compile(lines, str(page), "exec"), namespace)
        elif block.language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text], env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{name(page)}:{block.line}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_their_options_exist(page):
    verbs = typer.main.get_command(app).commands
    for block in blocks(page):
        for words in commands(block) if block.language == "sh" else ():
            where = f"{name(page)}:{block.line}: {shlex.join(words)}"
            for word in words:
                if word.startswith(("training/configs/", "examples/")):
                    assert (ROOT / word).exists(), where
            if words[0] == "voxpot":
                assert words[1] in verbs, where
                known = {o for p in verbs[words[1]].params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
                given = {w.split("=")[0] for w in words[2:] if re.match(r"--?[a-zA-Z]", w)}
                assert words[1] == "lmp" or given <= known, f"{where}: {sorted(given - known)}"
            elif words[0] == "python" and words[1] == "-m":
                assert find_spec(words[2]) is not None, where


def test_the_overview_names_every_verb_and_no_other():
    named = set(re.findall(r"^\| `voxpot (\w+)", (GUIDE / "index.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert named == set(typer.main.get_command(app).commands)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_verbs_in_running_text_exist(page):
    assert set(re.findall(r"`voxpot ([a-z]+)", prose(page))) <= set(typer.main.get_command(app).commands)


def test_configurations_of_trainings_can_be_read(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("".join(b.text for b in blocks(GUIDE / "training.md") if b.language == "toml"), encoding="utf-8")
    config = load_config(path)
    assert config.model.descriptor.kind == "density"
    assert config.split.rules


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_are_there(page):
    for target in targets(page):
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        assert place.exists(), f"{name(page)}: {target}"
        assert not anchor or anchor in anchors(place), f"{name(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_words_are_those_of_the_field(page):
    assert not [m.group() for m in JARGON.finditer(prose(page))]


def test_every_page_is_two_clicks_from_readme():
    reached = [{README}]
    for _ in range(2):
        links = {
            (p.parent / t.partition("#")[0]).resolve() for p in reached[-1] if p.suffix == ".md" for t in targets(p)
        }
        reached.append(reached[-1] | links)
    assert len(PAGES) > 1
    assert set(PAGES) <= reached[-1]


def test_the_gallery_shows_every_numbered_example():
    shown = [t.removeprefix("../") for t in targets(GUIDE / "gallery.md") if re.match(r"\.\./\d", t)]
    assert shown == sorted(path.name for path in (ROOT / "examples").glob("[0-9]*.py"))


@pytest.mark.parametrize("page", ["ase", "lammps", "validation", "training", "crystals"])
def test_readme_links_the_tutorials(page):
    assert f"examples/guide/{page}.md" in targets(README)
    assert re.search(r"^#+ Tutorial", (GUIDE / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_readme_is_short_and_has_two_commands():
    assert README.stat().st_size <= LARGEST
    section = re.search(r"^## Two commands\n(.*?)^## ", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert section
    assert section.group(1).count("```sh\n") == 2
