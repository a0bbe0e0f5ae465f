"""What commands print, cell by cell."""

import json
from datetime import UTC, datetime

import pytest

from ringback_cli import output
from ringback_cli.spreadsheets import safe_cell


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        ("", "–"),
        ([], "–"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.5, "0.50"),
        (["en", "hi"], "en, hi"),
        (datetime(2026, 11, 21, 5, 30, tzinfo=UTC), "2026-11-21 11:00:00"),
        ("\x1b[31mred\x07", "·[31mred·"),
        ("\u202edesrever", "·desrever"),
        ("क्\u200dष", "क्\u200dष"),
    ],
    ids=str,
)
def test_a_cell_reads_well_and_plays_no_tricks_with_the_terminal(value: object, shown: str) -> None:
    assert shown == output.cell(value)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("\t=cmd|x", "'\t=cmd|x"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("+919000000101", "'+919000000101"),
        ("plain = text", "plain = text"),
        (["volunteer", "support:piped-water"], "volunteer support:piped-water"),
        (None, ""),
        (datetime(2026, 11, 21, 5, 30, tzinfo=UTC), "2026-11-21T05:30:00.000+00:00"),
    ],
    ids=repr,
)
def test_a14_no_exported_cell_is_a_formula(value: object, cell: str) -> None:
    assert cell == safe_cell(value)


def test_markup_in_a_cell_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.table({"told": "told"}, [{"told": "[bold]a[/nothing]"}])

    assert "[bold]a[/nothing]" in capsys.readouterr().out


def test_an_id_stays_whole_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_WIDTH_OF_A_FILE", 60)
    message_id = f"{'p' * 26}.clean-water.welcome.{'d' * 16}"

    output.table({"name": "name", "message_id": "id"}, [{"name": "n" * 30, "message_id": message_id}])

    assert f"{'n' * 30}  {message_id}" in capsys.readouterr().out


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.table({"a": "a"}, [], "no calls")

    assert capsys.readouterr().out == "no calls\n"


def test_a_document_is_one_json_value_with_moments_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    output.document({"at": datetime(2026, 11, 21, 5, 30, tzinfo=UTC), "name": "स्वच्छ"})

    assert json.loads(capsys.readouterr().out) == {"at": "2026-11-21T05:30:00.000+00:00", "name": "स्वच्छ"}


def test_progress_says_nothing_when_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(output.counted("Reading", [1, 2])) == [1, 2]

    assert capsys.readouterr() == ("", "")
