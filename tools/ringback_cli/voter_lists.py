"""Reading lists of voters from CSV files as people have them: any usual encoding, row by row, with a report of what was refused."""

import codecs
import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ringback.domain import loads, phones
from ringback.domain.errors import Rejected
from ringback.domain.loads import Listed, Reader
from ringback_cli.spreadsheets import safe_cell

_CHUNK = 1 << 20
_LONGEST_FIELD = 64 * 1024
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class File:
    """A file that can be read: its encoding, and the SHA-256 of what is in it."""

    path: Path
    encoding: str
    digest: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that may not be in a pool, or that nobody can read."""

    line: int
    reason: str
    number: str
    """Masked."""


def examine(path: Path) -> File:
    """Read a file once to tell its encoding and its digest; `Rejected` when it cannot be read.

    UTF-16 and UTF-8 by their byte order mark; UTF-8 when all of it is; else Windows' Western encoding, which spreadsheets write.
    """
    digest, size = hashlib.sha256(), 0
    strict = codecs.getincrementaldecoder("utf-8")()
    encoding = ""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                if not size:
                    encoding = _by_its_beginning(chunk)
                size += len(chunk)
                if not encoding:
                    try:
                        strict.decode(chunk)
                    except UnicodeDecodeError:
                        encoding = "cp1252"
    except OSError as problem:
        raise Rejected(f"{path}: cannot be read: {problem.strerror}") from None
    return File(path, encoding or "utf-8", digest.hexdigest(), size)


def rows(file: File, reader: Reader) -> Iterator[tuple[int, Listed | Refused]]:
    """The rows of a list, one by one, with the line each ends on; `Rejected` when the header says too little or too much."""
    csv.field_size_limit(_LONGEST_FIELD)
    with file.path.open(encoding=file.encoding, errors="replace", newline="") as lines:
        heading = lines.readline()
        lines.seek(0)
        table = csv.reader(lines, delimiter=max(_SEPARATORS, key=heading.count))
        header = next(table, [])
        try:
            meant = loads.columns(header)
        except Rejected as problem:
            raise Rejected(*(f"{file.path}, line 1: {reason}" for reason in problem.reasons)) from None
        while True:
            try:
                cells = next(table)
            except StopIteration:
                return
            except csv.Error as problem:
                yield table.line_num, Refused(table.line_num, str(problem), "")
                continue
            if any(cells):
                yield table.line_num, _row(cells, meant, table.line_num, reader)


def write_report(path: Path, refused: Iterator[Refused]) -> int:
    """Write what was refused as CSV, readable by its owner alone; returns how many rows that are."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as problem:
        raise Rejected(f"{path}: cannot be written: {problem.strerror}") from None
    written = 0
    with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
        report = csv.writer(file)
        report.writerow(("line", "reason", "number"))
        for row in refused:
            report.writerow((row.line, safe_cell(row.reason), safe_cell(row.number)))
            written += 1
    return written


def _row(cells: list[str], meant: list[str | None], line: int, reader: Reader) -> Listed | Refused:
    row = {column: cell for column, cell in zip(meant, cells, strict=False) if column}
    number = row.get("phone", "")
    if len(cells) > len(meant):
        return Refused(line, f"{len(cells)} cells, the header has {len(meant)}", masked(number))
    if "\ufffd" in "".join(cells) or "\0" in "".join(cells):
        return Refused(line, "characters that the file's encoding does not have", masked(number))
    try:
        return reader.read(row)
    except Rejected as problem:
        return Refused(line, str(problem), masked(number))


def masked(number: str) -> str:
    """A number as it stands in a list, as it may be shown."""
    return phones.mask(number.strip()[: phones.LONGEST_RAW]) if number.strip() else ""


def _by_its_beginning(chunk: bytes) -> str:
    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if chunk.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if b"\0" in chunk[:200]:
        return "utf-16-le" if chunk[1:2] == b"\0" else "utf-16-be"
    return ""
