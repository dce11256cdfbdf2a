"""A column of a file as an expression of the engine: as text, number, money or truth; null where it cannot be one.

Every function takes a `Column` and gives SQL. Nothing here raises for a value: what cannot be read becomes null, and
the caller compares with the text to tell "not there" from "not readable".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from regard.engine.duck import literal, quoted
from regard.sources.mapping import Format

INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
)
FLOATS = frozenset({"FLOAT", "DOUBLE"})
MARKS = (
    "^[(+\u2212\\s-]*\\p{L}{1,3}|\\p{L}{2,3}[)\u2212\\s-]*$|"  # EUR, kr, zl, the R of R$
    "[\\p{Sc}\\s\\x{00A0}\\x{202F}()+\u2212-]|\\.$"
)
TRUE = ("true", "t", "yes", "y", "1", "on")
FALSE = ("false", "f", "no", "n", "0", "off")


@dataclass(frozen=True)
class Column:
    """One column: its SQL, its type in the engine, and how the file it came from writes values."""

    sql: str
    type: str = "VARCHAR"
    format: Format = field(default_factory=Format)

    @property
    def is_text(self) -> bool:
        return self.type == "VARCHAR"

    @property
    def is_list(self) -> bool:
        return self.type.endswith("[]")

    @property
    def may_be_list(self) -> bool:
        """Whether it is a text that may be a list: JSON is read as text where a value is no plain one."""
        return self.is_text and self.format.type in ("json", "jsonl")

    @property
    def is_number(self) -> bool:
        return self.type in INTEGERS or self.type in FLOATS or self.type.startswith("DECIMAL")


def listed(values: tuple[str, ...]) -> str:
    """Texts as the inside of an IN list."""
    return ", ".join(literal(value) for value in values)


def text(column: Column) -> str:
    """The value as trimmed text, null where nothing was there. Whole floats lose their ".0"."""
    sql = column.sql
    if column.is_text:
        nulls = column.format.nulls
        if set(nulls) <= {""}:
            return f"nullif(trim({sql}), '')"
        return f"CASE WHEN trim({sql}) NOT IN ({listed(nulls)}) THEN trim({sql}) END"
    if column.type in FLOATS:
        return plain(f"CAST({sql} AS DOUBLE)")
    if column.is_list:
        return f"array_to_string({sql}, ', ')"
    return f"CAST({sql} AS VARCHAR)"


def values(column: Column) -> str:
    """The values of a list column, or of a text that may be a list, as a list of texts without what is empty."""
    if column.is_list:
        return f"list_filter({column.sql}, lambda x: x IS NOT NULL)"
    said = text(column)
    inside = f"CAST(TRY(from_json({said}, '[\"VARCHAR\"]')) AS VARCHAR[])"
    alone = f"CASE WHEN {said} IS NOT NULL THEN [{said}] END"
    either = f"CASE WHEN starts_with({said}, '[') THEN coalesce({inside}, {alone}) ELSE {alone} END"
    return f"list_filter({either}, lambda x: x IS NOT NULL)"


def key_text(column: Column) -> str:
    """The value as part of an id: as text, but moments as microseconds since 1970, which is ten times as fast."""
    return f"CAST(epoch_us({column.sql}) AS VARCHAR)" if column.type.startswith("TIMESTAMP") else text(column)


def there(column: Column) -> str:
    """Whether there is anything, without the cost of making text of it."""
    return f"{text(column)} IS NOT NULL" if column.is_text or column.type in FLOATS else f"{column.sql} IS NOT NULL"


def plain(sql: str) -> str:
    """A double as plain decimal text, without exponent."""
    return (
        f"CASE WHEN NOT isfinite({sql}) THEN NULL "
        f"WHEN {sql} = trunc({sql}) AND abs({sql}) < 1e15 THEN CAST(CAST({sql} AS BIGINT) AS VARCHAR) "
        f"WHEN abs({sql}) < 1e-4 OR abs({sql}) >= 1e15 THEN rtrim(rtrim(format('{{:.12f}}', {sql}), '0'), '.') "
        f"ELSE CAST({sql} AS VARCHAR) END"
    )


def unmarked(sql: str, form: Format) -> str:
    """Text of a number with the thousands marks gone and a decimal point."""
    if form.thousands:
        sql = f"replace({sql}, {literal(form.thousands)}, '')"
    if form.thousands == " ":
        sql = f"replace(replace({sql}, chr(160), ''), chr(8239), '')"
    return sql if form.decimal == "." else f"replace(replace({sql}, '.', '?'), {literal(form.decimal)}, '.')"


def number(column: Column) -> str:
    """The value as a double; null where it is not a finite number."""
    if column.is_text:
        read = f"TRY_CAST({unmarked(text(column), column.format)} AS DOUBLE)"
    else:
        read = f"TRY_CAST({column.sql} AS DOUBLE)"
    exact = column.type in INTEGERS or column.type.startswith("DECIMAL")
    return read if exact else f"CASE WHEN isfinite({read}) THEN {read} END"


def number_text(column: Column) -> str:
    """The value as plain decimal text; null where it is not a number."""
    if column.type in INTEGERS:
        return f"CAST({column.sql} AS VARCHAR)"
    if column.type.startswith("DECIMAL") and not column.type.endswith(",0)"):
        return f"rtrim(rtrim(CAST({column.sql} AS VARCHAR), '0'), '.')"
    return plain(number(column))


def money(column: Column) -> str:
    """The value as DECIMAL(18, 4) in major units; currency marks, brackets and a minus behind are understood."""
    if not column.is_text:
        small = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", column.type.replace(" ", ""))
        if small and int(small[1]) <= 14 and int(small[2]) <= 4:
            return column.sql
        return f"TRY_CAST({column.sql} AS DECIMAL(18, 4))"
    said = text(column)
    direct = f"TRY_CAST({unmarked(said, column.format)} AS DECIMAL(18, 4))"
    bare = f"regexp_replace({said}, {literal(MARKS)}, '', 'g')"
    inner = f"TRY_CAST({unmarked(bare, column.format)} AS DECIMAL(18, 4))"
    negative = f"regexp_matches({said}, '^[^0-9]*\\(.*\\)[^0-9]*$|[0-9][^0-9]*[-\u2212][^0-9]*$|^[^0-9]*[-\u2212]')"
    return f"coalesce({direct}, CASE WHEN {negative} THEN -{inner} ELSE {inner} END)"


def truth(column: Column) -> str:
    """The value as "true" or "false"; null where it is neither."""
    said = f"lower({text(column)})"
    return f"CASE WHEN {said} IN ({listed(TRUE)}) THEN 'true' WHEN {said} IN ({listed(FALSE)}) THEN 'false' END"


def joined(columns: list[Column], separator: str) -> str:
    """Several columns as one text; null if one of them is."""
    if len(columns) == 1:
        return text(columns[0])
    return f" || {literal(separator)} || ".join(text(column) for column in columns)


def named(name: str) -> str:
    """A column name for a message."""
    return quoted(name)
