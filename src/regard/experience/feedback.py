"""Which interactions are a customer telling us, on which level, on which scale, and in which class it falls."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Feedback, Scale, condition

COLUMNS = ("feedback_id", "source", "person_id", "account", "at", "level", "rating", "scale", "class")
ABOUT = ("touchpoint", "object_type", "object_id")


def listen(touches: ir.Table, blueprint: Blueprint) -> ir.Table:
    """Every rating by which an identified customer told us, as the blueprint's `feedback` recognises it.

    touches : the table `touches`.
    Returns : the table `feedback` without `as_of`, and `item`: the number of the blueprint's feedback it matched. An
              interaction that matches several is the first of them.
    """
    if not blueprint.feedback:
        return _nothing(touches)
    rated = touches.filter(touches.rating.notnull() & touches.person_id.notnull())
    matches = [(condition(one.when, rated), ibis.literal(n, "int16")) for n, one in enumerate(blueprint.feedback)]
    said = rated.mutate(item=ibis.cases(*matches, else_=ibis.null("int16")))
    said = said.filter(said.item.notnull())
    scales = {scale.id: scale for scale in blueprint.scales}
    each = list(enumerate(blueprint.feedback))

    def by_item(values: list[str | None]) -> ir.StringValue:
        named = [(said.item == n, value) for (n, _), value in zip(each, values, strict=True) if value is not None]
        return ibis.cases(*named, else_=ibis.null("string")) if named else ibis.null("string")

    said = said.mutate(
        feedback_id=said.interaction_id,
        level=by_item([one.level for one in blueprint.feedback]),
        scale=by_item([one.scale for one in blueprint.feedback]),
        touchpoint=ibis.coalesce(by_item([one.touchpoint for one in blueprint.feedback]), said.touchpoint),
        **{"class": _class(said, each, scales)},
        **_about(said, each),
    )
    return said.select(*COLUMNS, *ABOUT, "item")


def _class(said: ir.Table, each: list[tuple[int, Feedback]], scales: dict[str, Scale]) -> ir.IntegerValue:
    cuts = []
    for n, one in each:
        scale, mine = scales[one.scale], said.item == n
        cuts.append((mine & (said.rating <= scale.detractor_to), ibis.literal(-1, "int8")))
        cuts.append((mine & (said.rating >= scale.promoter_from), ibis.literal(1, "int8")))
    return ibis.cases(*cuts, else_=ibis.literal(0, "int8"))


def _about(said: ir.Table, each: list[tuple[int, Feedback]]) -> dict[str, ir.StringValue]:
    """The object that the answer is about: of the type the blueprint names, else the journey's."""
    wanted = [(said.item == n, said.object_type == one.about) for n, one in each if one.about is not None]
    fits = ibis.cases(*wanted, else_=ibis.literal(True)) if wanted else ibis.literal(True)
    relationship = [said.item == n for n, one in each if one.level == "relationship"]
    whole = ibis.or_(*relationship) if relationship else ibis.literal(False)
    keep = fits & ~whole
    return {name: keep.ifelse(said[name], ibis.null("string")) for name in ("object_type", "object_id")}


def _nothing(touches: ir.Table) -> ir.Table:
    kinds = {"item": "int16", "class": "int8", "at": "timestamp('UTC', 6)", "rating": "float64"}
    columns = {name: ibis.null(kinds.get(name, "string")) for name in (*COLUMNS, *ABOUT, "item")}
    columns["feedback_id"] = touches.interaction_id
    return touches.filter(ibis.literal(False)).select(**columns)
