"""The reference says what the code does: pages made from it are fresh, and nothing public is left out."""

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import regard

ROOT = Path(__file__).resolve().parents[2]
ROOMS = [
    "blueprint",
    "engine",
    "ledger",
    "sources",
    "identity",
    "journeys",
    "experience",
    "value",
    "board",
    "demo",
    "store",
    "access",
]


def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def modules():
    for found in pkgutil.walk_packages(regard.__path__, "regard."):
        if not found.name.endswith("__main__"):
            yield found.name


@pytest.mark.parametrize(("path", "text"), list(reference().pages().items()), ids=lambda x: getattr(x, "name", ""))
def test_pages_made_from_the_code_are_fresh(path, text):
    assert path.read_text(encoding="utf-8") == text, "Run: .venv/bin/python scripts/reference.py"


@pytest.mark.parametrize("name", list(modules()))
def test_examples_in_docstrings_run(name):
    failures, _ = doctest.testmod(importlib.import_module(name))
    assert failures == 0


@pytest.mark.parametrize("room", ROOMS)
def test_every_verb_of_a_room_has_a_docstring(room):
    module = importlib.import_module(f"regard.{room}")
    assert module.__doc__
    assert "?" in module.__doc__.splitlines()[0], "the first line says which question the room answers"
    for name in module.__all__:
        item = getattr(module, name)
        if inspect.isclass(item) or inspect.isfunction(item):
            assert item.__doc__, f"regard.{room}.{name} has no docstring"


def test_every_link_between_pages_leads_somewhere():
    broken = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert not broken


def test_every_decision_has_a_number_of_its_own_and_the_usual_parts():
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "Status:" in text, page
        assert "**Decision.**" in text or "## Decision" in text, page


def test_commands_named_in_the_pages_exist():
    from regard.cli import COMMANDS

    for page in [ROOT / "README.md", *ROOT.glob("docs/guides/*.md")]:
        typed = re.compile(r"^\s+regard (?:-w \S+ |-\S+ )*([a-z]+)", re.MULTILINE)
        for word in typed.findall(page.read_text(encoding="utf-8")):
            assert word in COMMANDS, f"{page.name}: regard {word}"
