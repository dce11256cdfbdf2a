"""A blueprint is read with its meaning, and every mistake is found with its line and what was meant."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.blueprint import Rule, ValueOf, check, read
from regard.errors import BlueprintError

ROOT = Path(__file__).resolve().parents[2]
STAGES = ["awareness", "discovery", "attraction", "interaction", "purchase", "use", "cultivation", "advocacy"]


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "blueprint.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_a_name_is_enough_and_the_rest_has_a_meaning(write):
    blueprint = read(write("name: Shop\n"))
    assert [stage.id for stage in blueprint.stages] == [*STAGES, "disengagement"]
    assert (blueprint.zone, blueprint.currency, blueprint.live) == ("UTC", "EUR", False)
    assert blueprint.impressions == ()


def test_stages_can_be_renamed_and_bare_words_are_ids(write):
    blueprint = read(write("name: X\nstages: [find_us, {id: buy, label: Buying}]\n"))
    assert [(stage.id, stage.label) for stage in blueprint.stages] == [("find_us", "Find us"), ("buy", "Buying")]


def test_durations_money_units_and_rules_come_in_the_models_units(write):
    blueprint = read(
        write(
            "name: X\ncurrency: KWD\n"
            "channels: [{id: phone, service: true, cost_per_contact: 1.5, cost_per_minute: 0.0125}]\n"
            "units: [{id: brand, children: [{id: north, children: [shop_1]}]}]\n"
            "journeys: {quiet: 1h30m}\nvalue: {returned_cost: 2, horizon: 26w}\n"
            "touchpoints:\n"
            "  - {id: call, stage: use, function: service, when: {channel: phone, not: {event: [test, probe*]}}}\n"
            "  - {id: big, stage: use, when: {any: [{property.items: {from: 3}}, {rating: 5}]}}\n"
        )
    )
    phone = blueprint.channels[0]
    assert (phone.cost_per_contact_minor, phone.cost_per_minute_minor) == (1500.0, 12.5)
    assert [(unit.id, unit.parent) for unit in blueprint.units] == [
        ("brand", None),
        ("north", "brand"),
        ("shop_1", "north"),
    ]
    assert blueprint.journeys.quiet_s == 5400
    assert blueprint.value.returned_cost_minor == 2000
    assert blueprint.value.horizon_s == 26 * 7 * 86_400
    assert [function.id for function in blueprint.functions] == ["service"]
    call, big = blueprint.touchpoints
    assert call.when == Rule(
        every=(Rule("channel", ("phone",)), Rule(every=(Rule("event", ("test", "probe*")),), negated=True))
    )
    assert big.when == Rule(some=(Rule("property.items", low=3), Rule("rating", low=5, high=5)))


def test_a_promise_takes_function_and_owner_from_its_touchpoint(write):
    text = """name: X
touchpoints: [{id: door, stage: use, function: logistics, owner: Ada, when: {event: came}}]
promises:
  - {id: soon, made: {event: bought}, kept: {event: came}, promised: {after: 2d}, touchpoint: door, exceeded_by: 12h}
  - {id: room, made: {event: bought}, kept: {event: came}, promised: {property: a}, delivered: {property: b}, unit: m2,
     better: higher, exceeded_by: 2.5}
  - {id: far, made: {event: bought}, kept: {event: came}, promised: {after: 2d}, exceeded_by: estimate}
"""
    soon, room, far = read(write(text)).promises
    assert (soon.function, soon.owner, soon.exceeded_by, soon.promised) == (
        "logistics",
        "Ada",
        43_200.0,
        ValueOf(after_s=172_800.0),
    )
    assert soon.delivered == ValueOf(at=True)
    assert (room.exceeded_by, room.exceeded_estimate) == (2.5, False)
    assert (far.exceeded_by, far.exceeded_estimate) == (None, True)


def test_without_impressions_promises_our_touchpoints_and_answers_count(write):
    text = """name: X
touchpoints:
  - {id: shop, stage: purchase, when: {event: bought}}
  - {id: press, stage: awareness, control: uncontrolled, when: {event: article}}
  - {id: talk, stage: awareness}
  - {id: stars, stage: use, when: {event: review}}
promises: [{id: soon, made: {event: bought}, kept: {event: came}, promised: {after: 2h}}]
scales: [{id: s, low: 1, high: 5, detractor_to: 2, promoter_from: 4}]
feedback: [{id: said, level: transaction, when: {touchpoint: stars}, scale: s}]
"""
    kinds = {one.kind: one for one in read(write(text)).impressions}
    assert list(kinds) == ["promise_soon", "touch_shop", "felt_said"]
    assert kinds["promise_soon"].unit_s == 7200
    assert kinds["felt_said"].levels == ("relationship",)


MISTAKES = {
    "zone: Europe/Pariss": "Europe/Paris",
    "currency: EURO": "'EUR'",
    "touchpoints: [{id: a, stage: purchse}]": "Did you mean 'purchase'",
    "touchpoints: [{id: a, stage: use, funtion: x}]": "'function'",
    "touchpoints: [{id: a, stage: use, when: {evnt: x}}]": "'event'",
    "touchpoints: [{id: a, stage: use, when: {event: []}}]": "names nothing",
    "touchpoints: [{id: a, stage: use, when: {stage: use}}]": "cannot ask for the stage",
    "touchpoints: [{id: a, stage: use, when: {event: a*b}}]": "before its end",
    "touchpoints: [{id: a, stage: use, control: own}]": "owned, influenced, uncontrolled",
    "touchpoints: [{stage: use}]": "needs 'id'",
    "touchpoints: {id: a, stage: use}": "a list of touchpoints is expected",
    "journeys: {quiet: 30}": 'Did you mean "30d"?',
    "journeys: [order]": "keys and values",
    "live: perhaps": "true or false",
    "memory: {floor: 1.5}": "From 0 to 1",
    "score: {sample: many}": "whole number",
    "scales: [{id: s, low: 1, high: 5, detractor_to: 4, promoter_from: 4}]": "low <= detractor_to < promoter_from",
    "scales: [{id: s, low: one, high: 5, detractor_to: 2, promoter_from: 4}]": "is a number",
    "feedback: [{id: f, level: transaction, when: {event: x}, scale: stars}]": "unknown scale 'stars'",
    "feedback: [{id: f, level: deal, when: {event: x}, scale: stars}]": "transaction, relationship",
    "recovery: [sorry]": "unknown touchpoint 'sorry'",
    "impressions: [{kind: k, fact: a, felt: b}]": "Exactly one of",
    "impressions: [{kind: k, fact: a}]": "needs `on`",
    "impressions: [{kind: k, touch: '*', knots: [3, 0]}]": "do not rise",
    "promises: [{id: p, made: {event: a}, kept: {event: b}, promised: {literal: door}}]": "is none",
    "promises: [{id: p, made: {event: a}, kept: {event: b}, promised: {after: 2d}, due: {after: 2d}}]": "own deadline",
    "promises: [{id: p, made: {event: a}, kept: {event: b}, promised: {property: x}, unit: m2}]": "delivers a time",
    "promises: [{id: p, made: {event: a}, kept: {event: b}, promised: {at: now}}]": "at: occurred",
    "promises: [{id: p, made: {event: a}, kept: {event: b}, promised: {after: 2d}, exceeded_by: 2}]": "a duration",
    "functions: [a, a]": "twice",
    "freshness: 2d": "a source and a duration",
    "stages: [{id: use}]\nstages: [{id: buy}]": "Keep one of them",
    "touchpoints: [": "not YAML",
    "\tzone: UTC": "not YAML",
}


@pytest.mark.parametrize(("line", "says"), MISTAKES.items(), ids=lambda value: value[:40])
def test_a_mistake_is_found_on_its_line_and_says_what_to_do(write, line, says):
    path = write(f"name: X\n{line}\n")
    findings = [one for one in check(path) if one.severity == "error"]
    assert any(says in f"{one.problem} {one.hint}" for one in findings), findings
    assert all(one.where.startswith("blueprint.yaml:") and int(one.where.split(":")[1]) >= 2 for one in findings)
    with pytest.raises(BlueprintError, match=r"blueprint\.yaml"):
        read(path)


def test_all_mistakes_are_told_at_once_with_their_lines(write):
    path = write("name: X\nzone: Mars\ntouchpoints:\n  - id: a\n    stage: bye\n  - id: a\n    stage: use\n")
    assert [(one.where, one.problem.split(".")[0]) for one in check(path)] == [
        ("blueprint.yaml:2", "There is no time zone 'Mars'"),
        ("blueprint.yaml:5", "touchpoint"),
        ("blueprint.yaml:6", "touchpoints has 'a' twice, here and on line 4"),
    ]
    with pytest.raises(BlueprintError) as raised:
        read(path)
    assert "3 mistakes" in str(raised.value)
    assert str(raised.value).count("blueprint.yaml:") == 3


def test_a_touchpoint_that_cannot_be_reached_is_a_warning_and_does_not_stop(write):
    text = (
        "name: X\ntouchpoints:\n- {id: a, stage: use, when: {event: [x, y]}}\n- {id: b, stage: use, when: {event: x}}\n"
    )
    (finding,) = check(write(text))
    assert (finding.severity, finding.where) == ("warning", "blueprint.yaml:4")
    assert "'a' stands before it" in finding.problem
    assert len(read(write(text)).touchpoints) == 2


def test_a_channel_that_is_nearly_declared_is_a_warning(write):
    text = "name: X\nchannels: [telephone]\ntouchpoints: [{id: a, stage: use, channel: telephon, when: {event: x}}]\n"
    (finding,) = check(write(text))
    assert "Did you mean 'telephone'" in finding.hint


def test_an_empty_file_a_missing_one_and_one_in_another_code_say_what_to_do(write, tmp_path):
    assert "empty" in check(write(""))[0].problem
    with pytest.raises(BlueprintError, match="regard init"):
        read(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: Caf\xe9\n".encode("latin-1"))
    assert "UTF-8" in check(tmp_path / "latin.yaml")[0].problem


def test_words_stay_as_they_are_written(write):
    text = "name: 010\ntouchpoints:\n- {id: on, stage: use, when: {kind: [no, 2018-01-02, 1.50, true]}}\n"
    blueprint = read(write(text))
    assert blueprint.name == "010"
    assert blueprint.touchpoints[0].when == Rule("kind", ("no", "2018-01-02", "1.50", "true"))


def test_anchors_and_merges_are_understood(write):
    text = "name: X\ntouchpoints:\n- &a {id: a, stage: use, when: {event: x}}\n- {<<: *a, id: b, when: {event: y}}\n"
    assert [(one.id, one.stage) for one in read(write(text)).touchpoints] == [("a", "use"), ("b", "use")]


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="abc:[]{}-#&*!|>'\"%@`?, \n\tidstagewhen", max_size=80))
def test_no_text_makes_it_crash(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "blueprint.yaml"
    path.write_text("name: X\n" + text, encoding="utf-8")
    assert all(one.where.startswith("blueprint.yaml:") for one in check(path))


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/blueprint.yaml")), ids=lambda path: path.parent.name)
def test_the_bundled_examples_are_without_a_finding(path):
    assert check(path) == []


def test_the_template_is_valid_and_teaches_every_section():
    path = ROOT / "src" / "regard" / "blueprint" / "template.yaml"
    assert check(path) == []
    text = path.read_text(encoding="utf-8")
    from regard.blueprint.grammar import BLUEPRINT

    unsaid = [key.name for key in BLUEPRINT.keys if f"{key.name}:" not in text]
    assert unsaid == ["memory", "score", "everyone"], "settings that a beginner does not need"
