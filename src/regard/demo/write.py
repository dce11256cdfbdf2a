"""The exports on disk, each in the format its system would write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from regard.demo.people import Column, Columns, Times

SUMMER = (np.datetime64("2025-03-30T02:00:00", "s"), np.datetime64("2025-10-26T03:00:00", "s"))


def parquet(folder: Path, name: str, columns: Columns) -> int:
    """A Parquet file whose times are instants, UTC; empty texts are nulls. Returns the number of rows."""
    arrays = {}
    for column, values in columns.items():
        if values.dtype.kind == "M":
            moments = to_utc(values.astype("datetime64[s]")).astype("datetime64[ms]")
            arrays[column] = pa.array(moments).cast(pa.timestamp("ms", "UTC"))
        else:
            arrays[column] = _array(values)
    table = pa.table(arrays)
    pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    return int(table.num_rows)


def csv(folder: Path, name: str, columns: Columns) -> int:
    """A comma-separated file, UTF-8, local times without an offset. Returns the number of rows."""
    table = pa.table({column: _array(values) for column, values in columns.items()})
    pc.write_csv(table, folder / f"{name}.csv")
    return int(table.num_rows)


def till(folder: Path, name: str, columns: Columns) -> int:
    """The tills' own: semicolons, Latin-1, 31/12/2025 18:05, decimal commas, and a title that names the columns."""
    days = np.char.replace(columns["Date"].astype("datetime64[m]").astype(str), "T", " ")
    cents = columns["Total"].astype(np.int64)
    total = [f"{value // 100},{value % 100:02d}" for value in cents.tolist()]
    date = [f"{day[8:10]}/{day[5:7]}/{day[:4]} {day[11:]}" for day in days.tolist()]
    words = (columns[name].tolist() for name in ("Reçu", "Store", "Card"))
    rows = zip(*words, date, total, strict=True)
    lines = ["Reçu;Store;Card;Date;Total (EUR)", *(";".join(row) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="latin-1")
    return len(total)


def jsonl(folder: Path, name: str, columns: Columns) -> int:
    """One JSON object a line; times in UTC with a Z. Returns the number of rows."""
    texts = {column: _text(values).tolist() for column, values in columns.items()}
    names = list(texts)
    with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n"
            for row in zip(*texts.values(), strict=True)
        )
    return len(next(iter(texts.values())))


def to_utc(local: Times) -> Times:
    """UTC of the company's wall clock (an hour ahead, two in summer)."""
    summer = (local >= SUMMER[0]) & (local < SUMMER[1])
    return np.asarray(local - np.where(summer, 7_200, 3_600).astype("timedelta64[s]"))


def _text(values: Column) -> Column:
    if values.dtype.kind != "M":
        return values
    return np.char.add(to_utc(values.astype("datetime64[s]")).astype(str), "Z")


def _array(values: Column) -> pa.Array:
    """Texts with nulls for the empty ones; days and moments as they are."""
    if values.dtype.kind == "U":
        return pa.array(values, mask=values == "")
    return pa.array(values)
