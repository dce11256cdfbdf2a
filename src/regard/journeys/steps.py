"""Touches become journeys and steps: numbered, coded, each with the next one and the wait between.

    touches   ann: visit, search, order 7 placed ... 40 days of silence ... visit      courier: order 7 delivered
    journeys  ann:1 = visit, search      ann:2 = visit      order:7 = placed, delivered
    steps     journey 1, position 1, this = code of visit, next = code of search, wait_s = 35.0 ...

Strings are joined away early: windows and sorts work on numbers, which is worth most of the time they take.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint
from regard.engine import Engine, epoch_ms, seconds_between

WALK_ORDER = ("at", "sequence", "interaction_id", "source")
"""The one order within a journey (ADR-0006): time, order in the file, id; source makes it total."""

FAR_MS = 10**14
BANDS_TO_DOUBLE = 8.0
SHARED = ("touchpoint", "event", "stage", "channel", "function")


@dataclass(frozen=True)
class Walked:
    """Kept tables.

    journeys : journey: int64 and the columns of `journeys` but the variant.
    steps    : in the shape of `steps`, in no order: they are sorted once, when they are written.
    """

    journeys: ir.Table
    steps: ir.Table


def in_journeys(touches: ir.Table) -> ir.Table:
    """Touches that belong to a journey: those with an object of one, or with a person."""
    return touches.filter(touches.object_id.notnull() | touches.person_id.notnull())


def step_name(touches: ir.Table, blueprint: Blueprint) -> ir.StringValue:
    """The name of each touch as a step: its touchpoint, else its event; or always its event, as the blueprint says."""
    by_event = blueprint.journeys.by == "event"
    return (touches.event if by_event else ibis.coalesce(touches.touchpoint, touches.event)).fill_null("")


def name_steps(touches: ir.Table, blueprint: Blueprint) -> ir.Table:
    """What the codes of steps stand for, the most frequent first: in the shape of `step_names`.

    Touchpoint, stage, channel and function are given where all steps of that name share them.
    """
    rows = in_journeys(touches)
    rows = rows.select(*SHARED, name=step_name(rows, blueprint))
    kinds = rows.group_by("name", *SHARED).agg(n=rows.count())
    alike = {column: _shared(kinds[column]) for column in SHARED}
    names = kinds.group_by("name").agg(**alike, total=kinds.n.sum())
    named_by_touchpoint = names.touchpoint.fill_null("") == names.name
    code = ibis.row_number().over(order_by=[names.total.desc(), names.name]) + 1
    return names.mutate(
        code=code.cast("int32"), event=named_by_touchpoint.ifelse(ibis.null("string"), names.event), n=names.total
    ).drop("total")


def walk(touches: ir.Table, names: ir.Table, blueprint: Blueprint, engine: Engine) -> Walked:
    """Number journeys and their steps.

    touches : in the shape of `touches`; written or kept, since it is read more than once.
    names   : kept, from `name_steps`.
    """
    rows = engine.keep(_narrow(touches, names, blueprint))
    people = engine.keep(_numbered_people(rows))
    alone = engine.keep(_by_silence(rows, people, blueprint.journeys.quiet_s))
    about = rows.filter(rows.object_id.notnull())
    journeys = engine.keep(_numbered(_about_objects(about), _of_people(alone), people))
    steps = engine.keep(_steps(_placed(about, alone, journeys)))
    for kept in (rows, alone, people):
        engine.drop(kept)
    return Walked(journeys, steps)


def _shared(column: ir.Column) -> ir.Value:
    """The value that all rows of a group have, null where they differ or one has none."""
    same = (column.min() == column.max()) & (column.count() == column.isnull().count())
    return same.ifelse(column.min(), ibis.null(column.type()))


def _narrow(touches: ir.Table, names: ir.Table, blueprint: Blueprint) -> ir.Table:
    rows = in_journeys(touches)
    rows = rows.select("person_id", "object_type", "object_id", *WALK_ORDER, name=step_name(rows, blueprint))
    return rows.inner_join(names.select("name", "code"), "name").drop("name")


def _numbered_people(rows: ir.Table) -> ir.Table:
    people = rows.filter(rows.person_id.notnull()).select("person_id").distinct()
    return people.mutate(person=ibis.row_number().over(order_by=people.person_id).cast("int32") + 1)


def _by_silence(rows: ir.Table, people: ir.Table, quiet_s: float) -> ir.Table:
    """Touches without an object, with the person's number and the journey's; one ends after `quiet_s` of silence."""
    alone = rows.filter(rows.object_id.isnull()).drop("object_type", "object_id").inner_join(people, "person_id")
    alone = alone.drop("person_id_right") if "person_id_right" in alone.columns else alone
    in_order = [alone[column] for column in WALK_ORDER]
    own = ibis.window(group_by=alone.person, order_by=in_order)
    gap_s = seconds_between(alone["at"].lag().over(own), alone["at"])
    marked = alone.mutate(starts=(gap_s.isnull() | (gap_s > quiet_s)).cast("int64"))
    so_far = ibis.cumulative_window(group_by=marked.person, order_by=[marked[column] for column in WALK_ORDER])
    return marked.mutate(number=marked.starts.sum().over(so_far).cast("int64")).drop("starts")


def _about_objects(about: ir.Table) -> ir.Table:
    """A row an object; its person is that of the earliest step that has one, the least of several at that moment."""
    earliest = (epoch_ms(about["at"]) + FAR_MS).cast("string") + about.person_id
    found = about.mutate(earliest=earliest).group_by("object_type", "object_id")
    return found.agg(
        person_id=ibis._.earliest.min().substr(len(str(FAR_MS))),
        started_at=ibis._["at"].min(),
        ended_at=ibis._["at"].max(),
        n_steps=ibis._.count(),
    )


def _of_people(alone: ir.Table) -> ir.Table:
    found = alone.group_by("person_id", "person", "number")
    return found.agg(started_at=alone["at"].min(), ended_at=alone["at"].max(), n_steps=alone.count())


def _numbered(about: ir.Table, alone: ir.Table, people: ir.Table) -> ir.Table:
    """Both kinds of journeys, numbered by person and start."""
    about = about.left_join(people, "person_id").drop("person_id_right")
    about = about.mutate(number=ibis.null("int64"), journey_id=about.object_type + ":" + about.object_id)
    alone = alone.mutate(
        object_type=ibis.null("string"),
        object_id=ibis.null("string"),
        journey_id=alone.person_id + ":" + alone.number.cast("string"),
    )
    every = about.union(alone.select(about.columns))
    # people are numbered in person_id order, and an integer sorts faster
    place = ibis.row_number().over(order_by=[every.person, every.started_at, every.journey_id])
    return every.mutate(journey=place.cast("int64") + 1)


def _placed(about: ir.Table, alone: ir.Table, journeys: ir.Table) -> ir.Table:
    """Every step with the number of its journey and of that journey's person."""
    known = journeys.select("journey", "person", "object_type", "object_id")
    rows = about.drop("person_id").inner_join(known, ["object_type", "object_id"])
    columns = ("journey", "person", "code", *WALK_ORDER)
    own = journeys.filter(journeys.object_id.isnull()).select("journey", "person", "number")
    return rows.select(columns).union(alone.inner_join(own, ["person", "number"]).select(columns))


def _steps(placed: ir.Table) -> ir.Table:
    walk_ = ibis.window(group_by=placed.journey, order_by=[placed[column] for column in WALK_ORDER])
    rows = placed.select(
        "journey",
        "person",
        "at",
        position=(ibis.row_number() + 1).over(walk_).cast("int32"),
        this=placed.code,
        next=placed.code.lead().over(walk_),
        then=placed["at"].lead().over(walk_),
    )
    rows = rows.mutate(wait_s=seconds_between(rows["at"], rows.then))
    return rows.drop("then").mutate(wait_band=wait_band(rows.wait_s))


def wait_band(wait_s: ir.FloatingValue) -> ir.IntegerValue:
    """The band of a wait; a longer wait never has a lower one, and each begins 9 % after the one before."""
    return ((wait_s + 1.0).log2() * BANDS_TO_DOUBLE).floor().cast("int32")
