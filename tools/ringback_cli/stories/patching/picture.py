"""The story in a picture: how many telephones rang and talked at once, second by second, against the limit of slots. SVG made of nothing
but boxes, lines and text.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from ringback_cli.stories.patching.telephones import Leg

_WIDTH, _HEIGHT, _MARGIN = 960, 420, 56
_POINTS = 480
_TICKS = 6


def svg(legs: Sequence[Leg], verdicts: Sequence[datetime], limit: int, title: str) -> str:
    """Draw it from the network's own record; `verdicts`: when each go-ahead was given."""
    ended = [leg for leg in legs if leg.ended_at is not None]
    if not ended:
        return _document([_text(_MARGIN, _MARGIN, "Nobody was rung.")], title)
    began = min(leg.rang_at for leg in ended)
    seconds = max(1.0, max((leg.ended_at - began).total_seconds() for leg in ended if leg.ended_at))
    live = _counted([(leg.rang_at, leg.ended_at) for leg in ended if leg.ended_at], began, seconds)
    talking = _counted(
        [
            (leg.answered_at, leg.ended_at)
            for leg in ended
            if leg.answered_at and leg.ended_at and leg.has_talked
        ],
        began,
        seconds,
    )
    top = max(limit, *live) * 1.1
    go_aheads = sorted((at - began).total_seconds() for at in verdicts)
    return _document(
        [
            *_grid(seconds, top),
            _area(live, top, "#e0ecff", "ringing or talking"),
            _area(talking, top, "#9ec5ff", "talking"),
            *_steps(go_aheads, seconds),
            *_limit(limit, top),
            *_legend(len(go_aheads)),
        ],
        title,
    )


def _counted(spans: Sequence[tuple[datetime, datetime]], began: datetime, seconds: float) -> list[int]:
    """The most that went on at once in each of the picture's slices."""
    moments = sorted(
        step
        for start, end in spans
        for step in (((start - began).total_seconds(), 1), ((end - began).total_seconds(), -1))
    )
    slices, now, at = [0] * _POINTS, 0, 0
    for second, step in moments:
        place = min(_POINTS - 1, max(0, int(second / seconds * _POINTS)))
        while at < place:
            at += 1
            slices[at] = now
        now += step
        slices[at] = max(slices[at], now)
    return slices


def _x(share: float) -> float:
    return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _MARGIN - share * (_HEIGHT - 2 * _MARGIN), 1)


def _area(counts: Sequence[int], top: float, colour: str, what: str) -> str:
    points = " ".join(f"{_x(n / (_POINTS - 1))},{_y(count / top)}" for n, count in enumerate(counts))
    return (
        f'<polygon points="{_x(0)},{_y(0)} {points} {_x(1)},{_y(0)}" fill="{colour}" stroke="#555" stroke-width="0.5">'
        f"<title>{escape(what)}</title></polygon>"
    )


def _steps(at: Sequence[float], seconds: float) -> Iterator[str]:
    """The go-aheads so far, as a line of their own that ends at the top."""
    if not at:
        return
    points = [f"{_x(0)},{_y(0)}"]
    for n, second in enumerate(at, 1):
        points.append(f"{_x(min(1.0, max(0.0, second / seconds)))},{_y(0.9 * n / len(at))}")
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="#2e7d32" stroke-width="1.5" stroke-dasharray="5 4"/>'


def _limit(limit: int, top: float) -> Iterator[str]:
    y = _y(limit / top)
    yield f'<line x1="{_x(0)}" y1="{y}" x2="{_x(1)}" y2="{y}" stroke="#c62828" stroke-width="1.5"/>'
    yield _text(_x(0) + 6, y - 6, f"{limit} slots", bold=True)


def _grid(seconds: float, top: float) -> Iterator[str]:
    yield f'<rect x="{_x(0)}" y="{_y(1)}" width="{_WIDTH - 2 * _MARGIN}" height="{_HEIGHT - 2 * _MARGIN}" fill="#ffffff" stroke="#555"/>'
    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        yield _text(_x(share) - 10, _HEIGHT - _MARGIN + 18, f"{share * seconds:.0f} s")
        yield _text(8, _y(share) + 4, f"{share * top:.0f}")


def _legend(go_aheads: int) -> Iterator[str]:
    y = _HEIGHT - 12
    for x, colour, words in ((_MARGIN, "#9ec5ff", "talking"), (_MARGIN + 130, "#e0ecff", "ringing")):
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}" stroke="#555"/>'
        yield _text(x + 18, y, words)
    x = _MARGIN + 260
    yield f'<line x1="{x}" y1="{y - 4}" x2="{x + 24}" y2="{y - 4}" stroke="#2e7d32" stroke-width="1.5" stroke-dasharray="5 4"/>'
    yield _text(x + 30, y, f"go-aheads, {go_aheads} in all")


def _text(x: float, y: float, words: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}"{weight}>{escape(words)}</text>'


def _document(parts: Sequence[str], title: str) -> str:
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
            f"<title>{escape(title)}</title>",
            _text(_MARGIN, 28, title, bold=True),
            *parts,
            "</svg>",
        )
    )
