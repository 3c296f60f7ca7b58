from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from ase_voxpot.plotting.style import COLOURS
from ase_voxpot.validation.page import CAPTIONS, DARK
from ase_voxpot.validation.pictures import panels, svg
from ase_voxpot.validation.reading import read_run
from ase_voxpot.validation.report import write_report
from ase_voxpot.validation.validate import validate

EVIL = "<script>alert(1)</script>\"'&amp;${mark}$title.xml"
VOID = {"meta", "link", "br", "img", "hr", "input"}


@pytest.fixture(scope="module")
def found(written, small_potential):
    run = read_run([written / "vasprun.xml"])
    return validate(
        small_potential,
        run,
        model="small",
        card={"method": {"functional": "PBE", "cutoff": 400.0}},
        temperature=300.0,
        cap=24,
    )


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(found, folder)
    return folder


class Checker(HTMLParser):
    """Every element that opens closes, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def checked(text):
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    return checker


def test_the_page_is_well_formed(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    checked(text)
    # so well that XML parsers agree
    ElementTree.fromstring(text.split("\n", 1)[1])


def test_the_page_needs_nothing_else(folder):
    checker = checked((folder / "report.html").read_text(encoding="utf-8"))
    assert "script" not in {tag for tag, _ in checker.tags}
    for tag, attributes in checker.tags:
        for name in ("src", "href", "xlink:href", "action", "data"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png")), (tag, value)
        assert not any(name.startswith("on") for name in attributes)
    text = (folder / "report.html").read_text(encoding="utf-8")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_names_are_told_apart_and_found(folder):
    checker = checked((folder / "report.html").read_text(encoding="utf-8"))
    names = [a["id"] for _, a in checker.tags if "id" in a]
    assert len(names) == len(set(names))
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:url\(|xlink:href=")#([\w-]+)', text)) <= set(names)


def test_hostile_names_and_settings_are_text(found, tmp_path):
    settings = found.run.settings | {"ENCUT": EVIL, "POTCAR": EVIL, "METAGGA": EVIL}
    run = replace(found.run, source=EVIL, settings=settings, notes=(EVIL,))
    write_report(replace(found, run=run, model=EVIL, cautions=(EVIL,)), tmp_path)

    checker = checked((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in {tag for tag, _ in checker.tags}
    assert "".join(checker.text).count(EVIL) >= 5
    assert json.loads((tmp_path / "report.json").read_text())["run"]["source"] == EVIL


def test_figures_and_pictures_stand_beside(folder, found):
    names = {name for name, _, _ in panels(found)}
    assert {p.name for p in folder.iterdir()} == {"report.html", "report.json"} | {f"{n}.png" for n in names}
    assert names == set(CAPTIONS) | {"rdf-all", "rdf-Mo-Mo", "rdf-Mo-W", "rdf-W-W"}
    data = json.loads((folder / "report.json").read_text())
    assert data["forces_meV_per_A"]["rmse"] == pytest.approx(found.forces.rmse)
    assert data["run"]["formula"] == "Mo3W5"
    assert any("400 eV" in c for c in data["cautions"])


def test_colours_follow_the_page(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    figures = text[text.index("<figure>") :]
    assert "var(--ink)" in figures
    assert COLOURS[0] not in figures
    assert len(DARK) == len(COLOURS)
    assert "prefers-color-scheme: dark" in text


def test_a_picture_is_the_same_every_time(found):
    one, two = ([svg(f, n) for n, _, f in panels(found) if n == "vdos"] for _ in range(2))
    assert one == two


def test_a_report_of_structure_alone(written, small_potential, tmp_path):
    run = replace(read_run([written / "XDATCAR"]), interval=None)
    v = validate(small_potential, run, model="small", card={}, dynamics=False)
    write_report(v, tmp_path)
    checker = checked((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "positions only" in "".join(checker.text)
    assert not (tmp_path / "force-parity.png").exists()
    assert (tmp_path / "rdf-all.png").exists()


def test_no_number_of_the_json_is_missing_a_value(found):
    json.dumps(found.to_json(), allow_nan=False)
    assert np.isfinite(found.to_json()["vibrations_in_common"])
