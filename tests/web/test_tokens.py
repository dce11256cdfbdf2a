"""Colours can be read, light and dark: 4.5:1 for words, 3:1 for what is drawn, feelings apart without red and green."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

import regard.web

CSS = (Path(regard.web.__file__).parent / "static" / "tokens.css").read_text(encoding="utf-8")
TOKENS = {name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)}
WORDS = (
    "ink",
    "soft",
    "faint",
    "accent",
    "accent-strong",
    "worse",
    "better",
    "harm",
    "series-1",
    "series-2",
    "series-3",
    "series-4",
)
GROUNDS = ("paper", "surface", "sunk")
DRAWN = ("feel-n3", "feel-n2", "feel-p2", "feel-p3")
FEELINGS = ("feel-n3", "feel-n2", "feel-n1", "feel-0", "feel-p1", "feel-p2", "feel-p3")


def channels(colour: str) -> list[float]:
    values = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in values]


def luminance(colour: str) -> float:
    red, green, blue = channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("word", WORDS)
def test_words_can_be_read_on_every_ground(word: str, theme: int) -> None:
    for ground in GROUNDS:
        assert contrast(TOKENS[word][theme], TOKENS[ground][theme]) >= 4.5, f"{word} on {ground}"


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_strong_feelings_stand_out_from_every_ground(theme: int) -> None:
    for feeling in DRAWN:
        for ground in GROUNDS:
            assert contrast(TOKENS[feeling][theme], TOKENS[ground][theme]) >= 3, f"{feeling} on {ground}"


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_feelings_scale_is_monotone_from_its_middle(theme: int) -> None:
    light = [luminance(TOKENS[name][theme]) for name in FEELINGS]
    sign = -1 if theme == 0 else 1  # on light paper the ends are darker, on dark paper lighter
    for half in (light[3:], light[3::-1]):
        steps = [sign * (later - earlier) for earlier, later in pairwise(half)]
        assert all(step > 0 for step in steps), half


def deuteranope(colour: str) -> list[float]:
    """What a reader without green cones sees (Vienot, Brettel and Mollon 1999), linear RGB."""
    red, green, blue = channels(colour)
    both = 0.29275 * red + 0.70725 * green
    return [both, both, -0.02234 * red + 0.02234 * green + blue]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_better_and_worse_differ_for_readers_without_green_cones(theme: int) -> None:
    for worse, better in (("feel-n3", "feel-p3"), ("feel-n2", "feel-p2"), ("feel-n1", "feel-p1"), ("worse", "better")):
        one, other = deuteranope(TOKENS[worse][theme]), deuteranope(TOKENS[better][theme])
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.08, f"{worse} and {better}"


def test_only_the_tokens_say_a_colour() -> None:
    folder = Path(regard.web.__file__).parent
    style = (folder / "static" / "regard.css").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9a-fA-F]{6}\b", style) == []
    for template in (folder / "templates").rglob("*.html"):
        assert re.findall(r"#[0-9a-fA-F]{6}\b", template.read_text(encoding="utf-8")) == [], template.name


def test_five_sizes_of_type_and_no_other() -> None:
    sizes = re.findall(r"--size-\d: ([\d.]+rem)", CSS)
    assert len(sizes) == len(set(sizes)) == 5


def test_nothing_is_loaded_from_elsewhere() -> None:
    folder = Path(regard.web.__file__).parent
    for path in [*(folder / "templates").rglob("*.html"), *(folder / "static").glob("*.*")]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text) == [], path.name
