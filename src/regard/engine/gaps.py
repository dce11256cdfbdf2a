"""Where Ibis and the engines do not quite meet: what it does not know on all, or writes so that one misreads it."""

from __future__ import annotations

from typing import Any, cast

import ibis
import ibis.expr.datatypes as types
import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.backends.sql.rewrites import Select
from ibis.common.patterns import replace


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]  # Ibis leaves it untyped
def bit_or(bits: int) -> int:
    """The bits that any number of the group has."""
    raise NotImplementedError("the engine does it")


_written = PySparkCompiler.visit_DefaultLiteral


def _as_double(self: PySparkCompiler, op: ops.Literal, *, value: object, dtype: types.DataType) -> sge.Expression:
    """Spark reads 0.5 as a decimal: a third of it is cut short, and Sail joins no two widths in a CASE."""
    literal = cast(sge.Expression, _written(self, op, value=value, dtype=dtype))
    return cast(sge.Expression, self.cast(literal, dtype)) if dtype.is_floating() else literal


@replace(Select)  # type: ignore[untyped-decorator]  # Ibis leaves it untyped
def _distinct_then_ordered(_: Any, **kwargs: Any) -> Any:
    """Spark wants SELECT DISTINCT and its ORDER BY apart.

    Ibis 12 parts them too, but makes the columns of the WHERE distinct along with those asked for: rows come twice.
    """
    if not (_.distinct and _.sort_keys):
        return _
    inner = _.copy(sort_keys=())
    columns = {name: ops.Field(inner, name) for name in _.selections}
    read = {value: columns[name] for name, value in _.selections.items()}
    keys = tuple(key.replace(read, filter=ops.Value) for key in _.sort_keys)
    return Select(inner, selections=columns, sort_keys=keys)


PySparkCompiler.visit_DefaultLiteral = _as_double
PySparkCompiler.post_rewrites = (_distinct_then_ordered,)
