"""Everything that journeys are made of, from touches."""

from __future__ import annotations

import ibis.expr.types as ir

from regard.blueprint import Blueprint
from regard.engine import Engine
from regard.journeys.paths import flows, variants
from regard.journeys.steps import name_steps, walk


def split(touches: ir.Table, blueprint: Blueprint, engine: Engine) -> dict[str, ir.Table]:
    """Split each person's interactions into journeys: about one object where there is one, else ended by silence.

    touches   : in the shape of `touches` (`touch` makes them); written or kept, since it is read more than once. Rows
                with neither person nor object belong to no journey.
    blueprint : `journeys.quiet_s` (seconds of silence that end a journey) and `journeys.by`.
    Returns   : journeys, steps, step_names, flows and variants in the shapes of `tables.py`, to be written in the order
                of their keys.
    Source    : order is (at, sequence, interaction_id), then source (ADR-0006).
    """
    names = engine.keep(name_steps(touches, blueprint), order_by=("code",))
    walked = walk(touches, names, blueprint, engine)
    ways, taken = variants(walked.steps, names, engine)
    journeys = walked.journeys.inner_join(taken, "journey")
    return {
        "journeys": journeys,
        "steps": walked.steps,
        "step_names": names,
        "flows": flows(walked.steps, names),
        "variants": ways,
    }
