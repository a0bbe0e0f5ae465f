"""Menus as diagrams: Mermaid for documents, and SVG made of nothing but boxes, lines and text."""

import textwrap
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from ringback.domain.nodes import (
    Branch,
    ChooseLanguage,
    Connect,
    Duty,
    EnterPin,
    Gather,
    GiveReason,
    GiveVerdict,
    Hangup,
    Menu,
    Node,
    OptIn,
    OptOut,
    Pledge,
    Record,
    Recruit,
    RequestCallback,
    Rsvp,
    Say,
    SetDisposition,
    SetField,
    Transfer,
    Vote,
    ways_on,
)

_SHAPES = {
    Gather: ("{{", "}}"),
    ChooseLanguage: ("{{", "}}"),
    EnterPin: ("{{", "}}"),
    Connect: ("[[", "]]"),
    Branch: ("{", "}"),
    Record: ("[/", "/]"),
    Hangup: ("([", "])"),
}
_COLOURS = {
    Gather: "#fff3c4",
    ChooseLanguage: "#fff3c4",
    EnterPin: "#fff3c4",
    Connect: "#d9f2dd",
    Branch: "#e0ecff",
    Record: "#ffdfd3",
    Hangup: "#e3e3e3",
}
_UNKNOWN = "unknown"
"""What the case `""` of a branch is: nothing is known."""
_RIGHT_TO_LEFT = ("ks", "sd", "ur")
_WIDTH, _HEIGHT, _GAP, _DROP, _MARGIN = 230, 64, 34, 62, 24
_LETTERS_A_LINE = 34


class _Point(NamedTuple):
    x: int
    y: int


def mermaid(menu: Menu, language: str) -> str:
    """Draw a menu as a Mermaid flowchart, which GitHub and most wikis render."""
    ids = {name: f"n{index}" for index, name in enumerate(menu.nodes)}
    lines = [f"%% {menu.id} ({language})", "flowchart TD"]
    for name, node in menu.nodes.items():
        opening, closing = _SHAPES.get(type(node), ("[", "]"))
        label = "<br/>".join(map(_entities, _label(menu, name, language)))
        lines.append(f'  {ids[name]}{opening}"{label}"{closing}')
    for name, to, way in _arrows(menu):
        label = f'|"{_entities(way)}"|' if way else ""
        lines.append(f"  {ids[name]} -->{label} {ids[to]}")
    return "\n".join(lines)


def svg(menu: Menu, language: str) -> str:
    """Draw a menu as an SVG: a row for each step from the start; what leads back up is dashed."""
    rows: dict[int, list[str]] = {}
    for name in menu.nodes:
        rows.setdefault(menu.depths[name], []).append(name)
    at = {
        name: _Point(_MARGIN + column * (_WIDTH + _GAP), _MARGIN + depth * (_HEIGHT + _DROP))
        for depth, names in rows.items()
        for column, name in enumerate(names)
    }
    width = 2 * _MARGIN + max(map(len, rows.values())) * (_WIDTH + _GAP)
    height = _MARGIN + len(rows) * (_HEIGHT + _DROP)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
            f"<title>{escape(menu.id)} ({escape(language)})</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>',
            *(_line(at[name], at[to], way) for name, to, way in _arrows(menu)),
            *(
                _box(at[name], _COLOURS.get(type(node), "#ffffff"), _label(menu, name, language), language)
                for name, node in menu.nodes.items()
            ),
            "</svg>",
        )
    )


def _arrows(menu: Menu) -> Iterator[tuple[str, str, str]]:
    """From, to, and what leads there; several keys to one node share an arrow."""
    for name, node in menu.nodes.items():
        ways: dict[str, list[str]] = {}
        for way, to in ways_on(node).items():
            ways.setdefault(to, []).append(way or (_UNKNOWN if isinstance(node, Branch) else ""))
        for to, several in ways.items():
            yield name, to, ", ".join(several)


def _label(menu: Menu, name: str, language: str) -> tuple[str, str]:
    said = " / ".join(
        utterance.content.says
        for prompt in [getattr(menu.nodes[name], "prompt", "")]
        for utterance in menu.utterances(prompt, language)
    )
    return name, textwrap.shorten(said or _doing(menu.nodes[name]), 2 * _LETTERS_A_LINE, placeholder=" …")


def _doing(node: Node) -> str:
    match node:
        case Branch():
            return f"by {node.field or node.on}"
        case SetField():
            return f"{node.field} = {node.value}"
        case OptIn():
            return f"opt in: {node.channel}"
        case OptOut():
            return "opt out"
        case Rsvp():
            return f"{'attend' if node.yes else 'decline'}: {node.gathering}"
        case Vote():
            return f"vote: {node.poll} = {node.option}"
        case Pledge():
            return f"pledge: {node.issue}"
        case RequestCallback():
            return f"call back: {node.menu or node.purpose}"
        case Transfer():
            return f"connect: {node.to}"
        case Connect():
            return f"connect: a {node.party}"
        case GiveVerdict():
            return f"verdict: {node.verdict}"
        case GiveReason():
            return f"reason: {node.reason}"
        case SetDisposition():
            return f"disposition: {node.disposition}"
        case Recruit():
            return "recruit"
        case Duty():
            return f"duty {'begins' if node.on else 'ends'}"
        case Say() | Gather() | ChooseLanguage() | Record() | EnterPin() | Hangup():
            return node.prompt


def _entities(text: str) -> str:
    """Mermaid's own escapes: quotes, hashes and brackets would end a label or begin markup."""
    return "".join(f"#{ord(c)};" if c in '"#<>&`;' else c for c in text)


def _line(start: _Point, end: _Point, way: str) -> str:
    half, middle = _DROP // 2, _WIDTH // 2
    if end.y > start.y:
        x1, y1, x2, y2 = start.x + middle, start.y + _HEIGHT, end.x + middle, end.y
        path, dash = f"M{x1} {y1} C{x1} {y1 + half} {x2} {y2 - half} {x2} {y2}", ""
    else:
        x1, y1, x2, y2 = start.x + _WIDTH, start.y + _HEIGHT // 2, end.x + _WIDTH, end.y + _HEIGHT // 2
        path, dash = f"M{x1} {y1} C{x1 + 60} {y1} {x2 + 60} {y2} {x2} {y2}", ' stroke-dasharray="5 4"'
    drawn = f'<path d="{path}" fill="none" stroke="#555"{dash} marker-end="url(#tip)"/>'
    if not way:
        return drawn
    x, y = (4 * x1 + x2) // 5, (4 * y1 + y2) // 5
    return f'{drawn}<text x="{x + 4}" y="{y + 6}" font-weight="bold">{escape(way)}</text>'


def _box(at: _Point, colour: str, label: tuple[str, str], language: str) -> str:
    name, what = label
    is_rtl = language in _RIGHT_TO_LEFT
    x, direction = (at.x + _WIDTH - 8, ' direction="rtl"') if is_rtl else (at.x + 8, "")
    lines = [
        f'<text x="{x}" y="{at.y + 36 + 17 * row}"{direction}>{escape(line)}</text>'
        for row, line in enumerate(textwrap.wrap(what, _LETTERS_A_LINE)[:2])
    ]
    return (
        f'<rect x="{at.x}" y="{at.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{colour}" stroke="#555"/>'
        f'<text x="{at.x + 8}" y="{at.y + 18}" font-weight="bold">{escape(name)}</text>{"".join(lines)}'
    )
