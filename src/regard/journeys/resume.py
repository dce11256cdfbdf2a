"""Journeys of some islands of people, told on in the numbers of the last run.

Numbers of journeys, people, steps and variants are names: they stay, and new ones go on from the highest. What is
counted over everybody (`step_names`, `flows`, `variants`) is given whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint
from regard.engine import Engine
from regard.journeys.paths import flows, variants
from regard.journeys.steps import SHARED, name_steps, walk

Tables = dict[str, ir.Table]


@dataclass(frozen=True)
class Told:
    """What was told so far, of everybody, in the shapes of `tables.py`; and what of it is told anew.

    gone     : (journey): numbers of the islands' journeys. taken : whether an interaction is gone for good.
    everyone : touches of everybody as they are now. numbers : (person_id, person) of the islands' people.
    """

    journeys: ir.Table
    steps: ir.Table
    step_names: ir.Table
    variants: ir.Table
    flows: ir.Table
    gone: ir.Table
    taken: bool
    everyone: ir.Table
    numbers: ir.Table


def resume(touches: ir.Table, told: Told, blueprint: Blueprint, engine: Engine) -> Tables:
    """Split the islands' interactions into journeys, and bring the counts over everybody up to date.

    touches : of whole islands; written or kept.
    Returns : journeys and steps of the islands; step_names, flows and variants of everybody.
    """
    names = engine.keep(_coded(name_steps(touches, blueprint), told.step_names))
    walked = walk(touches, names, blueprint, engine)
    here = walked.journeys.filter(walked.journeys.person.notnull()).select("person_id", here="person").distinct()
    people = engine.keep(here.inner_join(told.numbers, "person_id").select("here", stays="person"))
    first = _highest(told.journeys.journey, engine)
    steps = walked.steps.left_join(people, walked.steps.person == people.here).drop("person", "here")
    steps = engine.keep(steps.mutate(journey=steps.journey + first).rename(person="stays"))
    old_steps = engine.keep(told.steps.semi_join(told.gone, "journey"))
    every_name = engine.keep(_names(names, steps, old_steps, told, blueprint))
    ways, taken = variants(steps, every_name, engine)
    old_journeys = told.journeys.semi_join(told.gone, "journey")
    every_way = engine.keep(_ways(ways, taken, old_journeys, told.variants, engine))
    journeys = walked.journeys.mutate(journey=walked.journeys.journey + first).inner_join(taken, "journey")
    numbers = ways.select("variant", "n_steps", own="variant_id").inner_join(
        every_way.select("variant", "n_steps", known="variant_id"), ["variant", "n_steps"]
    )
    journeys = journeys.inner_join(numbers, journeys.variant_id == numbers.own)
    journeys = journeys.mutate(variant_id=journeys.known).drop("variant", "n_steps_right", "own", "known")
    return {
        "journeys": engine.keep(journeys),
        "steps": steps,
        "step_names": every_name,
        "flows": engine.keep(_flows(steps, old_steps, every_name, told)),
        "variants": every_way.filter(every_way.n > 0),
    }


def _coded(names: ir.Table, known: ir.Table) -> ir.Table:
    """The islands' names of steps with the codes that are known, new ones after the highest."""
    old = known.select("name", known="code")
    joined = names.drop("code").left_join(old, "name").drop("name_right")
    highest = known.aggregate(highest=known.code.max().fill_null(0))
    joined = joined.cross_join(highest)
    order = ibis.row_number().over(order_by=[joined.known.notnull(), joined.name]) + 1
    return joined.mutate(code=ibis.coalesce(joined.known, joined.highest + order).cast("int32")).drop(
        "known", "highest"
    )


def _highest(number: ir.IntegerColumn, engine: Engine) -> int:
    return int(engine.rows(number.max().name("highest").as_table())["highest"][0].as_py() or 0)


def _names(mine: ir.Table, steps: ir.Table, old_steps: ir.Table, told: Told, blueprint: Blueprint) -> ir.Table:
    """`step_names` of everybody: counts by difference, and what steps of a name share.

    A name keeps what its steps share while new ones share it too. Where steps are gone it may come to share more: then,
    and only then, all touches are looked at.
    """
    moved = _difference(old_steps.select(code="this"), steps.select(code="this"), "code")
    old = told.step_names
    if told.taken:
        codes = old.select("name", "code").union(mine.select("name", "code"), distinct=True)
        return _coded(name_steps(told.everyone, blueprint), codes)
    joined = old.outer_join(mine, "code").mutate(
        code=ibis.coalesce(ibis._.code, ibis._.code_right), name=ibis.coalesce(ibis._.name, ibis._.name_right)
    )
    only_old, only_new = joined.n_right.isnull(), joined.n.isnull()
    shared = {
        column: ibis.cases(
            (only_new, joined[f"{column}_right"]),
            (only_old | (joined[column] == joined[f"{column}_right"]).fill_null(False), joined[column]),
            else_=ibis.null(joined[column].type()),
        )
        for column in SHARED
    }
    joined = joined.select("code", "name", known=joined.n.fill_null(0), **shared)
    counted = joined.left_join(moved, "code").drop("code_right")
    counted = counted.mutate(n=counted.known + counted.change.fill_null(0)).drop("known", "change")
    return counted.filter(counted.n > 0)


def _difference(old: ir.Table, new: ir.Table, key: str) -> ir.Table:
    """How many more, or fewer, there are of each: (key, change)."""
    both = new.select(key, change=ibis.literal(1, "int64")).union(old.select(key, change=ibis.literal(-1, "int64")))
    return both.group_by(key).agg(change=both.change.sum())


def _ways(ways: ir.Table, taken: ir.Table, old: ir.Table, known: ir.Table, engine: Engine) -> ir.Table:
    """`variants` of everybody, those that nobody takes any more among them with n = 0: a way is known by its text."""
    mine = ways.select("variant", "n_steps", more="n")
    gone = old.group_by("variant_id").agg(less=old.count())
    left = known.left_join(gone, "variant_id").drop("variant_id_right")
    left = left.select("variant", "n_steps", "variant_id", n=left.n - left.less.fill_null(0))
    joined = left.outer_join(mine, ["variant", "n_steps"])
    joined = joined.select(
        "variant_id",
        variant=ibis.coalesce(joined.variant, joined.variant_right),
        n_steps=ibis.coalesce(joined.n_steps, joined.n_steps_right),
        n=joined.n.fill_null(0) + joined.more.fill_null(0),
    )
    highest = _highest(known.variant_id, engine)
    order = ibis.row_number().over(order_by=[joined.variant_id.notnull(), joined.n.desc(), joined.variant]) + 1
    numbered = joined.mutate(variant_id=ibis.coalesce(joined.variant_id, order + highest))
    return numbered.mutate(share=numbered.n / numbered.n.sum().over(ibis.window()))


def _flows(steps: ir.Table, old_steps: ir.Table, names: ir.Table, told: Told) -> ir.Table:
    """`flows` of everybody: those that a step has come to or gone from are counted again, exactly."""
    touched = steps.select("this", "next").union(old_steps.select("this", "next")).distinct()
    touched = touched.filter(touched.next.notnull())
    every = told.steps.anti_join(told.gone, "journey").select("this", "next", "wait_s").union(
        steps.select("this", "next", "wait_s")
    )  # fmt: skip
    again = flows(every.semi_join(touched, ["this", "next"]), names)
    spoken = names.select("name", "code").union(told.step_names.select("name", "code"), distinct=True)
    named = touched.inner_join(spoken.select(this="code", source="name"), "this")
    named = named.inner_join(spoken.select(next="code", target="name"), "next")
    return told.flows.anti_join(named, ["source", "target"]).union(again.select(told.flows.columns))
