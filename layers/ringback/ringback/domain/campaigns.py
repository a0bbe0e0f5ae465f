"""A campaign's content: its numbers, its texts in every language, its hours and limits.

It comes as a document (`catalog/campaigns/*.yaml`), and `parse` says all that has to be true before it's published.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from ringback.domain import menu_documents, menu_lint, phones, providers, rules
from ringback.domain.dials import Callbacks, StrangerLimits, read_callbacks, read_stranger_limits
from ringback.domain.documents import Section
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.feedback import Rules as FeedbackRules
from ringback.domain.feedback import read_rules as read_feedback_rules
from ringback.domain.gatherings import GatheringTexts
from ringback.domain.patches import Patching, read_patching
from ringback.domain.phones import NumberClass
from ringback.domain.reviews import Rules as ReviewRules
from ringback.domain.reviews import read_rules as read_review_rules
from ringback.domain.rules import Rules, Window
from ringback.domain.silences import Silence, read_silences
from ringback.domain.templates import DltTemplate, mismatches
from ringback.domain.texts import Segments, foreign, phone_numbers, render, segments, stray_braces, variables
from ringback.domain.voices import Voice

LARGEST_DOCUMENT = 300_000
"""Bytes as JSON. SOURCE: DynamoDB, 400 KB for an item, less room for what is stored beside the document."""

MOST_NUMBERS = 98
"""Numbers claimed or released in one transaction, beside the version and `current`. SOURCE: DynamoDB, quotas: 100 items in a
transaction."""

LONGEST_CALL = timedelta(hours=4)
"""Of a call that we place. SOURCE: Exotel, make-a-call, parameter TimeLimit: at most 14,400 seconds."""

STALE_AFTER = timedelta(hours=24)
"""When an SMS is too late, unless the campaign says otherwise: after more than a night of waiting."""

SMS_TYPES = ("transactional", "transactional_opt_in", "promotional")
"""SOURCE: Exotel, send-sms, parameter SmsType."""

_OURS = frozenset({NumberClass.LANDLINE, NumberClass.MOBILE, NumberClass.TOLL_FREE})
_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
_ID_MEANS = "lower-case letters, digits and dashes, beginning with a letter, at most 40"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?")
_LANGUAGE_MEANS = "a language code such as `hi` or `mni-Mtei`"
_FLOW = re.compile(r"[A-Za-z0-9_-]{1,40}")
_FLOW_MEANS = "the provider's id of the flow: letters, digits, dashes and underscores, at most 40"
_DLT_ID_MEANS = "must be the digits that DLT gave, in quotes"
_SUBSTITUTES = {
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "…": "...",
    "₹": "Rs",
    "\u00a0": " ",
}
"""What GSM-7 has in place of the typography and the sign that most often push an English text out of it."""


class Purpose(StrEnum):
    """What ringing a number means (F6)."""

    VOLUNTEER = "volunteer"
    SUPPORT = "support"
    REGISTRATION = "registration"
    CALLBACK = "callback"
    INFORMATION = "information"
    OPT_OUT = "opt-out"


@dataclass(frozen=True, slots=True)
class Number:
    """One of our numbers. Which one was rung tells where it was seen: `source` is tv, newspaper, rally …"""

    number: str
    purpose: Purpose
    issue: str | None
    language: str
    """The language of whoever rings it, until we know better."""
    source: str
    text: str | None
    """The text sent to the caller; none for opting out, which is answered by silence."""
    menu: str | None = None
    """The menu that a call to the number walks through; None when the call is only ever missed."""
    callback: str | None = None
    """The menu that whoever gives the number a missed call is rung back into, from the same number (F14)."""
    flow: str | None = None
    """The provider's name for the flow that a call from this number walks, where it needs one: Exotel's app id. A number without
    it places no calls there.
    """


@dataclass(frozen=True, slots=True)
class Sender:
    """Who an SMS comes from, as registered on DLT."""

    header: str
    dlt_entity_id: str
    sms_type: str


@dataclass(frozen=True, slots=True)
class Text:
    """Something we say by SMS, at most `once_per` window to each person; bodies and templates by language."""

    name: str
    once_per: timedelta
    bodies: Mapping[str, str]
    templates: Mapping[str, DltTemplate]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a campaign may spend on SMS and calls, how many may go to one block of numbers, and when one is too late."""

    sms_budget_paise: int
    prefix_per_minute: int
    """SMS a minute to numbers that differ only in their last four digits (A13)."""
    stale_after: timedelta = STALE_AFTER
    voice_budget_paise: int = 0
    """What the calls that we place may cost; nothing unless the campaign says so."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with its variables filled in, ready to be sent."""

    language: str
    body: str
    template: DltTemplate
    segments: Segments
    cost_paise: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """One published version of a campaign. It never changes."""

    id: str
    version: int
    names: Mapping[str, str]
    sponsors: Mapping[str, str]
    languages: tuple[str, ...]
    default_language: str
    provider: str
    sender: Sender
    numbers: Mapping[str, Number]
    texts: Mapping[str, Text]
    values: Mapping[str, Mapping[str, str]]
    """Variable → language → what stands there."""
    window: Window
    limits: Limits
    allowed_links: frozenset[str]
    """Links and call-back numbers registered on DLT; our own numbers are among them."""
    rules: Rules
    voice: Voice | None = None
    """None: nobody who calls hears anything."""
    feedback: FeedbackRules = field(default_factory=FeedbackRules)
    """How recorded grievances are tagged by themselves."""
    patching: Patching | None = None
    """None: nobody who calls is connected to anybody."""
    reviews: ReviewRules | None = None
    """How influencers are verified. None: nobody is, so nobody is put through to a voter."""
    callbacks: Callbacks = field(default_factory=Callbacks)
    strangers: StrangerLimits = field(default_factory=StrangerLimits)
    silences: tuple[Silence, ...] = ()

    def longest_call(self, menu: str) -> timedelta:
        """After how long the provider ends a call that we place into a menu. Where the menu connects to somebody, the call outlasts their
        talk, so that the menu can ask about it.
        """
        found = self.voice.menus.get(menu) if self.voice else None
        talk = timedelta()
        if self.patching is not None and found is not None and found.connects:
            talk = self.patching.longest_absence
        return self.callbacks.longest + talk

    def call_cost_paise(self, menu: str) -> int:
        """What a call that we place into a menu may cost at most; so much is taken from the budget before it is placed."""
        minutes = -(-self.longest_call(menu) // timedelta(minutes=1))
        return minutes * self.rules.calls.minute_paise if self.rules.calls else 0

    def calling_number(self, preferred: str) -> str | None:
        """The number to place a call from: `preferred` where it places calls, else the first that does; None when none does."""
        if self.provider != "exotel":
            return preferred if preferred in self.numbers else None
        able = [number.number for number in self.numbers.values() if number.flow]
        return preferred if preferred in able else next(iter(able), None)

    def rendered(self, text: str, language: str, values: Mapping[str, str] = {}) -> Rendered:
        """Fill in a text in a language, or in the default language where it lacks that one.

        `values` stand before the campaign's own. Raises `NotFound` for a text it does not have, `Rejected`
        for a variable without value.
        """
        if text not in self.texts:
            raise NotFound(f"campaign {self.id} has no text {text!r}")
        content = self.texts[text]
        spoken = language if language in content.bodies else self.default_language
        own = {
            name: translations[spoken] for name, translations in self.values.items() if spoken in translations
        }
        body = render(content.bodies[spoken], own | dict(values))
        counted = segments(body)
        return Rendered(
            spoken, body, content.templates[spoken], counted, counted.parts * self.rules.sms_part_paise
        )


def parse(document: Mapping[str, object], version: int = 0) -> Campaign:
    """Read and check a campaign's document, which holds the rules of the day (`catalog/rules.yaml`) as `rules`.

    Raises `Rejected` with everything that is wrong, each reason with its place: `texts.welcome.hi: …`.
    """
    problems: list[str] = []
    _refuse_monsters(document)
    root = Section(document, "", problems)
    rules_of_the_day = rules.read(root.section("rules"))
    lawful = not problems
    campaign = _read(root, rules_of_the_day, version)
    root.close()
    if campaign.voice and not problems:  # without readable nodes everything would seem to lead nowhere
        problems += (f"voice.{fault}" for fault in menu_lint.faults(campaign.voice))
    if lawful:  # without readable rules every text would seem to break them
        problems += _breaches(campaign)
    if problems:
        raise Rejected(*problems)
    return campaign


def warnings(campaign: Campaign) -> tuple[str, ...]:
    """Tell what is allowed but costs money or looks forgotten: a text of several SMS, a text no number sends."""
    sent = {number.text for number in campaign.numbers.values()}
    sent.update(*(texts.all for _, texts in _gathering_texts(campaign)))
    found = [f"texts.{name}: no number sends it" for name in campaign.texts if name not in sent]
    for name, text in campaign.texts.items():
        for language in text.bodies:
            rendered = campaign.rendered(name, language)
            if rendered.segments.parts > 1:
                found.append(f"texts.{name}.{language}: {_why_several(rendered)}")
    if campaign.voice:
        found += (f"voice.{warning}" for warning in menu_lint.warnings(campaign.voice))
    return tuple(found)


def _gathering_texts(campaign: Campaign) -> Iterator[tuple[str, GatheringTexts]]:
    for gathering in campaign.voice.gatherings.values() if campaign.voice else ():
        if gathering.texts is not None:
            yield gathering.id, gathering.texts


def _refuse_monsters(document: Mapping[str, object]) -> None:
    try:
        size = len(json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass"))
    except (TypeError, ValueError, RecursionError) as error:
        raise Rejected(
            f"the document: can't be kept as JSON ({error}); write dates, times and numbers in quotes"
        ) from error
    if size > LARGEST_DOCUMENT:
        raise Rejected(f"the document: {size} bytes, {LARGEST_DOCUMENT} are allowed")


def _read(root: Section, rules_of_the_day: Rules, version: int) -> Campaign:
    languages = root.strings("languages")
    sender, limits = root.section("sender"), root.section("limits")
    texts = _read_texts(root.section("texts"), languages)
    voice = _read_voice(root.section("voice"), version) if root.has("voice") else None
    patching = (
        read_patching(root.section("patching"), _spoken(voice) or languages) if root.has("patching") else None
    )
    numbers = _read_numbers(root.sections("numbers"), languages, texts, voice)
    if not languages:
        root.problem("languages", "is missing")
    for language in languages:
        if not _LANGUAGE.fullmatch(language) or languages.count(language) > 1:
            root.problem("languages", f"{language!r} must be {_LANGUAGE_MEANS}, once")
    default_language = root.text("default_language")
    if default_language and default_language not in languages:
        root.problem("default_language", "must be one of the languages")
    provider = root.text(
        "provider", re.compile("|".join(providers.NAMES)), f"one of {', '.join(providers.NAMES)}"
    )
    return Campaign(
        id=root.text("campaign", _ID, _ID_MEANS),
        version=version,
        names=root.translations("names", languages),
        sponsors=root.translations("sponsors", languages),
        languages=languages,
        default_language=default_language,
        provider=provider,
        sender=Sender(
            header=sender.text("header"),
            dlt_entity_id=sender.text("dlt_entity_id"),
            sms_type=sender.text(
                "sms_type", re.compile("|".join(SMS_TYPES)), f"one of {', '.join(SMS_TYPES)}"
            ),
        ),
        numbers=numbers,
        texts=texts,
        values=_read_values(root, languages),
        window=rules.read_window(root.section("window")) if root.has("window") else rules_of_the_day.window,
        limits=Limits(
            sms_budget_paise=100 * limits.integer("sms_budget_rupees"),
            prefix_per_minute=limits.integer("prefix_per_minute"),
            stale_after=limits.duration("stale_after", STALE_AFTER),
            voice_budget_paise=100 * limits.integer("voice_budget_rupees")
            if limits.has("voice_budget_rupees")
            else 0,
        ),
        allowed_links=frozenset(root.strings("allowed_links")) | numbers.keys(),
        rules=rules_of_the_day,
        voice=voice,
        feedback=read_feedback_rules(root.section("feedback")) if root.has("feedback") else FeedbackRules(),
        patching=patching,
        reviews=read_review_rules(root.section("reviews")) if root.has("reviews") else None,
        callbacks=read_callbacks(root.section("callbacks")) if root.has("callbacks") else Callbacks(),
        strangers=_read_strangers(root, patching),
        silences=read_silences(root.sections("silences")) if root.has("silences") else (),
    )


def _read_strangers(root: Section, patching: Patching | None) -> StrangerLimits:
    """How much may be asked of people who never called: a campaign that patches says it in `patching`, beside what it asks of them."""
    if patching is not None:
        if root.has("strangers"):
            root.problem("strangers", "must be left out: `patching` says it")
        return StrangerLimits(patching.attempts_per_voter, patching.days_between, patching.per_area_per_day)
    return read_stranger_limits(root.section("strangers")) if root.has("strangers") else StrangerLimits()


def _spoken(voice: Voice | None) -> tuple[str, ...]:
    """The languages that the campaign's menus speak; none where nobody who calls hears anything."""
    return next((menu.languages for menu in voice.menus.values()), ()) if voice else ()


def _read_voice(section: Section, version: int) -> Voice:
    """What the campaign says by voice, in the languages it speaks: more or fewer than those it writes."""
    languages, default_language = section.strings("languages"), section.text("default_language")
    if default_language and default_language not in languages:
        section.problem("default_language", "must be one of the languages")
    return menu_documents.read(
        section, languages, default_language, _read_values(section, languages), version
    )


def _read_texts(section: Section, languages: Iterable[str]) -> dict[str, Text]:
    texts = {}
    for name in section.names():
        if not _ID.fullmatch(name):
            section.problem(name, f"the name must be {_ID_MEANS}")
        text = section.section(name)
        spoken = {language: text.section(language) for language in languages}
        texts[name] = Text(
            name=name,
            once_per=text.duration("once_per"),
            bodies={language: content.text("body", lines=True) for language, content in spoken.items()},
            templates={
                language: DltTemplate(content.text("template_id"), content.text("template", lines=True))
                for language, content in spoken.items()
            },
        )
    return texts


def _read_values(root: Section, languages: Iterable[str]) -> dict[str, dict[str, str]]:
    if not root.has("values"):
        return {}
    section = root.section("values")
    return {variable: section.translations(variable, languages) for variable in section.names()}


def _read_numbers(
    sections: Iterable[Section], languages: Iterable[str], texts: Mapping[str, Text], voice: Voice | None
) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    menus = voice.menus if voice else {}
    for section in sections:
        number = Number(
            number=section.text("number"),
            purpose=section.choice("purpose", Purpose),
            issue=section.optional_text("issue", _ID, _ID_MEANS),
            language=section.text("language"),
            source=section.text("source", _ID, _ID_MEANS),
            text=section.optional_text("text", _ID, _ID_MEANS),
            menu=section.optional_text("menu", _ID, _ID_MEANS),
            callback=section.optional_text("callback", _ID, _ID_MEANS),
            flow=section.optional_text("flow", _FLOW, _FLOW_MEANS),
        )
        menu = menus.get(number.menu or "")
        spoken = menu.languages if menu else languages
        if why := _not_ours(number.number):
            section.problem("number", why)
        if number.number in numbers:
            section.problem("number", "is listed twice")
        if number.language and number.language not in spoken:
            section.problem("language", "must be one of the languages")
        if number.text and number.text not in texts:
            section.problem("text", f"there is no text {number.text!r}")
        if number.menu and menu is None:
            section.problem("menu", f"there is no menu {number.menu!r}")
        if number.callback and number.callback not in menus:
            section.problem("callback", f"there is no menu {number.callback!r}")
        if number.callback and number.menu:
            section.problem(
                "callback", "must be left out: a call to a number with a menu is answered, not missed"
            )
        if number.callback and number.purpose is Purpose.OPT_OUT:
            section.problem("callback", "must be left out: whoever opts out is not rung")
        if number.purpose is Purpose.OPT_OUT and number.menu:
            section.problem("menu", "must be left out: whoever opts out is not to be kept on the line")
        if number.purpose is Purpose.SUPPORT and not number.issue:
            section.problem("issue", "is missing: support for what?")
        if number.purpose is Purpose.OPT_OUT and number.text:
            section.problem("text", "must be left out: whoever opts out is not written to again")
        if number.number:
            numbers[number.number] = number
    return numbers


def _not_ours(number: str) -> str | None:
    if not number:
        return None
    try:
        is_e164 = phones.read(number) == number
    except (phones.Withheld, phones.Unreadable):
        is_e164 = False
    if not is_e164:
        return "must be an Indian number in E.164, such as `+918040001001`"
    if (kind := phones.classify(number)) not in _OURS:
        return f"must be a landline, mobile or toll-free number, not {kind}"
    return None


def _breaches(campaign: Campaign) -> Iterator[str]:
    """What the rules of the day forbid, and what texts, templates and values contradict in each other."""
    lawful = campaign.rules
    if campaign.sender.header and not lawful.is_header(campaign.sender.header):
        yield "sender.header: is no DLT header (letters, or the digits of a promotional one)"
    if campaign.sender.dlt_entity_id and not lawful.is_dlt_id(campaign.sender.dlt_entity_id):
        yield f"sender.dlt_entity_id: {_DLT_ID_MEANS}"
    if not campaign.window.is_within(lawful.window):
        yield f"window: may only be narrower than {lawful.window.start:%H:%M} to {lawful.window.end:%H:%M}"
    opt_outs = {n.number for n in campaign.numbers.values() if n.purpose is Purpose.OPT_OUT}
    if not opt_outs:
        yield "numbers: none is for opting out"
    if campaign.reviews:
        yield from (f"reviews.{fault}" for fault in _review_faults(campaign, campaign.reviews))
    for gathering, texts in _gathering_texts(campaign):
        for missing in sorted(name for name in texts.all if name and name not in campaign.texts):
            yield f"voice.gatherings.{gathering}.texts: there is no text {missing!r}"
    for number in campaign.numbers.values():
        if number.callback:
            yield from (f"numbers.{number.number}: {why}" for why in _cannot_call(campaign, number))
    for menu in campaign.voice.menus if campaign.voice else ():
        if campaign.longest_call(menu) > LONGEST_CALL:
            yield f"voice.menus.{menu}: a call that we place into it may last {campaign.longest_call(menu)}, {LONGEST_CALL} are allowed"
    if len(campaign.numbers) > MOST_NUMBERS:
        yield f"numbers: {len(campaign.numbers)}, {MOST_NUMBERS} are allowed"
    used = {
        name for text in campaign.texts.values() for body in text.bodies.values() for name in variables(body)
    }
    for variable in campaign.values:
        if variable not in used:
            yield f"values.{variable}: no text uses it"
    for name, text in campaign.texts.items():
        for language, body in text.bodies.items():
            if body and text.templates[language].body:
                for reason in _faults(campaign, name, language, opt_outs):
                    yield f"texts.{name}.{language}: {reason}"


def _cannot_call(campaign: Campaign, number: Number) -> Iterator[str]:
    """Why nobody can be rung back from a number that promises it."""
    if not campaign.limits.voice_budget_paise:
        yield "rings people back, and limits.voice_budget_rupees does not say what that may cost"
    if campaign.provider == "exotel" and not number.flow:
        yield "rings people back, and has no flow: the app id of the flow that such calls walk"


def _review_faults(campaign: Campaign, rules: ReviewRules) -> Iterator[str]:
    """What the section `reviews` names that the campaign does not have."""
    menus = campaign.voice.menus if campaign.voice else {}
    for key, menu in (("menu", rules.menu), ("tracker_menu", rules.tracker_menu)):
        if menu and menu not in menus:
            yield f"{key}: there is no menu {menu!r}"
    for key, number in (("number", rules.number), ("tracker_number", rules.tracker_number)):
        if number and number not in campaign.numbers:
            yield f"{key}: must be one of the campaign's numbers"
        elif number:
            yield from (f"{key}: {why}" for why in _cannot_call(campaign, campaign.numbers[number]))
    if rules.menu in menus and rules.manifesto not in menus[rules.menu].prompts:
        yield f"manifesto: the menu {rules.menu} has no prompt {rules.manifesto!r}"


def _faults(campaign: Campaign, name: str, language: str, opt_outs: set[str]) -> Iterator[str]:
    text = campaign.texts[name]
    if text.templates[language].template_id and not campaign.rules.is_dlt_id(
        text.templates[language].template_id
    ):
        yield f"template_id {_DLT_ID_MEANS}"
    if stray_braces(text.bodies[language]):
        yield "has braces that are not a {variable}"
    undefined = [variable for variable in variables(text.bodies[language]) if variable not in campaign.values]
    yield from (f"the variable {{{variable}}} is not defined in values" for variable in undefined)
    if undefined:
        return
    rendered = campaign.rendered(name, language)
    yield from mismatches(
        rendered.template, rendered.body, campaign.rules.dlt_longest_values, campaign.allowed_links
    )
    if len(rendered.body) > campaign.rules.sms_longest:
        yield f"has {len(rendered.body)} characters, {campaign.rules.sms_longest} are allowed"
    if opt_outs.isdisjoint(phone_numbers(rendered.body)):
        yield "does not say which number to ring for opting out"


def _why_several(rendered: Rendered) -> str:
    counted = rendered.segments
    cost = f"{counted.parts} SMS, {rendered.cost_paise} paise a person"
    if counted.encoding == "gsm-7":
        return f"{cost}: {counted.units} characters, 160 fit into one"
    culprits = foreign(rendered.body)
    if any(character not in _SUBSTITUTES for character in culprits):
        return f"{cost}: {counted.units} characters in a script of which 70 fit into one"
    plain = "".join(_SUBSTITUTES.get(character, character) for character in rendered.body)
    swaps = ", ".join(f"{_SUBSTITUTES[character]!r} for {character!r}" for character in culprits)
    return f"{cost}; {segments(plain).parts} with {swaps}"
