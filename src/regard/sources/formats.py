"""What a file is, found out by its name and its first bytes; every guess is reported."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from regard.errors import SourceError, nearest
from regard.sources.mapping import Format

ENDINGS = {
    "csv": "csv",
    "txt": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "json",
    "parquet": "parquet",
    "pq": "parquet",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "sav": "sav",
    "zsav": "sav",
    "xes": "xes",
    "jsonocel": "ocel",
}
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DELIMITERS = (",", ";", "\t", "|")
GZIP = b"\x1f\x8b"
SEEN = 1 << 18
TESTED = 1 << 26
UNKNOWN = "csv, tsv, txt, jsonl, ndjson, json, parquet, xlsx, sav, xes, each also as .gz where it is text"


@dataclass(frozen=True)
class Guess:
    """A format with nothing left open, and which of its parts were found out rather than said."""

    format: Format
    guessed: tuple[str, ...]

    @property
    def type(self) -> str:
        return str(self.format.type)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where they are gzip's.

    Raises : SourceError for a file that is not there or is broken in the middle.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            if not packed:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield unpacked  # type: ignore[misc]
    except FileNotFoundError:
        near = nearest(path.name, (other.name for other in path.parent.glob("*")) if path.parent.is_dir() else ())
        raise SourceError(f"There is no file {path}.", hint=f"Did you mean {near!r}?" if near else None) from None
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise SourceError(
            f"{path.name} is broken.", found=str(error), hint="Fetch or export it again; nothing of it was loaded."
        ) from error


def recognise(path: Path, said: Format) -> Guess:
    """The format of a file: what the mapping says, else what its name and first bytes show.

    Raises : SourceError for a file that is empty, is not there, or is of no known kind.
    """
    with opened(path) as file:
        head = file.read(SEEN)
    if not head:
        raise SourceError(f"{path.name} is empty.", hint="Export it again, or leave it out.")
    guessed: list[str] = []
    kind = said.type
    if kind is None:
        kind = _kind(path, head)
        if path.name.lower().removesuffix(".gz").rpartition(".")[2] not in (kind, "parquet", "ndjson", "zsav"):
            guessed.append(kind)
    form = replace(said, type=kind)
    if kind in ("csv", "tsv"):
        form = _delimited(path, head, form, guessed)
    elif kind in ("jsonl", "json", "ocel") and form.encoding is None:
        form = replace(form, encoding=next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8"))
    return Guess(form, tuple(guessed))


def _kind(path: Path, head: bytes) -> str:
    name = path.name.lower().removesuffix(".gz")
    known = ENDINGS.get(name.rpartition(".")[2]) if "." in name else None
    start = head.lstrip(codecs.BOM_UTF8).lstrip()[:1]
    if head.startswith(b"PAR1"):
        return "parquet"
    if known == "json" or (known is None and start in (b"{", b"[")):
        return _json_kind(head)
    if known:
        return known
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith((b"$FL2", b"$FL3")):
        return "sav"
    if start == b"<" and b"<log" in head:
        return "xes"
    if b"\0" not in head[:4096] or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "csv"
    raise SourceError(
        f"{path.name} is of no known kind.", allowed=UNKNOWN, hint="Say `format: {type: ...}` in the mapping."
    )


def _json_kind(head: bytes) -> str:
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        if any(f'"{key}"' in text for key in ("objectTypes", "eventTypes")):
            return "ocel"
        first = text.splitlines()[0].rstrip()
        if first.endswith("}") and len(text.splitlines()) > 1:
            return "jsonl"
    return "json"


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: in western text every other byte is nothing."""
    pairs = head[: 2 * (min(len(head), 4096) // 2)]
    low, high = pairs[0::2].count(0), pairs[1::2].count(0)
    for name, empty, full in (("utf-16-le", high, low), ("utf-16-be", low, high)):
        if pairs and empty > 0.4 * len(pairs) / 2 and full == 0:
            return name
    return None


def _text_only(path: Path, head: bytes) -> None:
    """Refuse what is no text at all, whatever it is called.

    Raises : SourceError for bytes that no text holds.
    """
    if b"\0" in head[:4096]:
        raise SourceError(
            f"{path.name} is not text.", found="bytes that no text holds", allowed=UNKNOWN,
            hint="Export it as .csv, or say `format: {type: ..., encoding: ...}` in the mapping.",
        )  # fmt: skip


def _delimited(path: Path, head: bytes, form: Format, guessed: list[str]) -> Format:
    if form.encoding is None and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        wide = _wide(head)
        if wide is None:
            _text_only(path, head)
        else:
            form = replace(form, encoding=wide)
            guessed.append(f"encoding {wide}")
    if form.encoding is None:
        encoding = _encoding(path, head)
        form = replace(form, encoding=encoding)
        if encoding not in ("utf-8", "utf-8-sig"):
            guessed.append(f"encoding {encoding}")
    try:
        codec = codecs.lookup(str(form.encoding)).name
    except LookupError:
        near = nearest(str(form.encoding), ("utf-8", "utf-16", "latin-1", "cp1252", "cp1250", "shift_jis", "gb18030"))
        raise SourceError(
            f"There is no encoding {form.encoding!r}.", hint=f"Did you mean {near!r}?" if near else None
        ) from None
    if form.encoding == "utf-8" and head.startswith(codecs.BOM_UTF8):
        form = replace(form, encoding="utf-8-sig")
    text = codecs.getincrementaldecoder(codec)("replace").decode(head)
    lines = text.lstrip("\ufeff").splitlines()
    if form.delimiter is None:
        delimiter = "\t" if form.type == "tsv" else _delimiter(lines)
        form = replace(form, delimiter=delimiter)
        if delimiter != ("\t" if form.type == "tsv" else ","):
            guessed.append(f"delimiter {delimiter!r}")
    if form.header_rows is None:
        rows = 0 if form.columns else _header_rows(text.lstrip("\ufeff"), str(form.delimiter))
        form = replace(form, header_rows=rows)
        if rows > 1:
            guessed.append(f"{rows} header rows")
    return form


def _encoding(path: Path, head: bytes) -> str:
    """UTF-8 if all of it is (of large files, the first 64 MB), else what Windows writes."""
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path) as file:
        for _ in range(TESTED // SEEN):
            block = file.read(SEEN)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                return "cp1252"
            if not block:
                break
    return "utf-8"


def _delimiter(lines: list[str]) -> str:
    """The mark that cuts the first lines into the same number of parts, and into most; columns of spaces else."""
    sample = [line for line in lines[:20] if line.strip()]
    best, score = ",", 0.0
    for mark in DELIMITERS:
        counts = [len(row) for row in csv.reader(sample, delimiter=mark)]
        usual = max(set(counts), key=counts.count)
        if usual > 1 and counts.count(usual) / len(counts) * usual > score:
            best, score = mark, counts.count(usual) / len(counts) * usual
    if (
        score == 0
        and len(sample) > 1
        and len({len(line.split()) for line in sample}) == 1
        and len(sample[0].split()) > 1
    ):
        return "whitespace"
    return best


def _header_rows(text: str, delimiter: str) -> int:
    """Three where the third row holds a survey tool's import ids, two where only the second does; else one."""
    if delimiter == "whitespace":
        return 1
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for place, row in enumerate(rows):
        if place > 2:
            break
        if place and row and any(cell.lstrip().startswith('{"ImportId"') for cell in row):
            return place + 1
    return 1
