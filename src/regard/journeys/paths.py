"""What the steps add up to: which step follows which, and the ways through."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.engine import Engine

CODES = 2**31
SEPARATOR = " > "


def flows(steps: ir.Table, names: ir.Table) -> ir.Table:
    """The directly-follows map in the shape of `flows`; medians are exact."""
    followed = steps.filter(steps.next.notnull())
    counted = followed.group_by("this", "next").agg(
        n=followed.count(), median_wait_s=followed.wait_s.median(), mean_wait_s=followed.wait_s.mean()
    )
    source = names.select(this=names.code, source=names.name)
    target = names.select(next=names.code, target=names.name)
    named = counted.inner_join(source, "this").inner_join(target, "next")
    return named.select("source", "target", "n", "median_wait_s", "mean_wait_s")


def variants(steps: ir.Table, names: ir.Table, engine: Engine) -> tuple[ir.Table, ir.Table]:
    """The ways through, and which way each journey took.

    steps   : kept or written, in the shape of `steps`.
    Returns : kept tables: `variants`, numbered from 1, the most frequent first and then by their text; and
              (journey, variant_id).
    """
    packed = steps.position.cast("int64") * CODES + steps.this.cast("int64")  # sorts by position, holds the code
    walked = steps.select("journey", packed=packed).group_by("journey").agg(packed=ibis._.packed.collect())
    ways = engine.keep(walked.select("journey", way=_text(walked.packed)))
    counted = engine.keep(ways.group_by("way").agg(n=ways.count()))
    found = engine.keep(_named(counted, names, engine))
    taken = engine.keep(ways.inner_join(found, "way").select("journey", "variant_id"))
    engine.drop(ways)
    engine.drop(counted)
    return found.drop("way"), taken


def _text(packed: ir.ArrayValue) -> ir.StringValue:
    return packed.sort().map(lambda one: (one % CODES).cast("string")).join(",")


def _named(counted: ir.Table, names: ir.Table, engine: Engine) -> ir.Table:
    """The variants with their steps by name, numbered."""
    spelled = counted.cross_join(engine.table(_by_code(names, engine)))
    codes = spelled.way.split(",")
    rows = spelled.select(
        "way",
        "n",
        variant=codes.map(lambda code: spelled.by_code[code.cast("int64")]).join(SEPARATOR),
        n_steps=codes.length().cast("int64"),
    )
    place = ibis.row_number().over(order_by=[rows.n.desc(), rows.variant, rows.way])
    share = rows.n / counted.n.sum().as_scalar()  # a window would carry every text along
    return rows.mutate(variant_id=place.cast("int64") + 1, share=share)


def _by_code(names: ir.Table, engine: Engine) -> pa.Table:
    """One row with the names of all steps, each in the place of its code: some thousands at most."""
    said = engine.rows(names.select("code", "name"))
    known = dict(zip(said["code"].to_pylist(), said["name"].to_pylist(), strict=True))
    listed = [known.get(code, "") for code in range(max(known, default=0) + 1)]
    return pa.table({"by_code": pa.array([listed], pa.list_(pa.string()))})
