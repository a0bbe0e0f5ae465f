"""What a campaign's document must be before it is published (F10, F12, X9), and what it says once it is."""

import json
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain import campaigns, phones, texts
from ringback.domain.campaigns import Campaign, Number, Purpose
from ringback.domain.documents import Section
from ringback.domain.errors import NotFound, Rejected
from ringback.domain.patches import read_patching
from ringback.domain.rules import Window
from ringback_local.catalog import with_voice
from tests.unit.domain.content import CATALOG, RULES, a_campaign, a_document

SHIPPED = sorted((CATALOG / "campaigns").glob("*.yaml"))


def reasons(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(Rejected) as caught:
        campaigns.parse(document)
    return caught.value.reasons


def published(path: Path) -> Campaign:
    return campaigns.parse(dict(with_voice(_yaml(path), CATALOG / "menus", _yaml)) | {"rules": RULES})


def _yaml(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def test_a_document_says_what_each_number_means() -> None:
    campaign = campaigns.parse(a_document(), version=7)

    assert (campaign.id, campaign.version, campaign.languages) == ("clean-water", 7, ("en", "hi"))
    assert campaign.numbers["+918040001002"] == Number(
        "+918040001002", Purpose.SUPPORT, issue="wells", language="hi", source="rally", text="welcome"
    )
    assert campaign.numbers["+918040001009"].text is None
    assert campaign.texts["welcome"].once_per == timedelta(days=30)
    assert campaign.limits.sms_budget_paise == 100_000
    assert campaign.limits.stale_after == timedelta(hours=24)
    assert campaign.window == Window(time(10), time(21))


def test_the_document_survives_the_catalog_table_unchanged() -> None:
    document = a_document()

    assert campaigns.parse(json.loads(json.dumps(document))) == campaigns.parse(document)


def test_a_campaign_may_tighten_hours_links_and_staleness() -> None:
    campaign = a_campaign(
        window={"start": "11:00", "end": "19:30"},
        limits__stale_after="90 minutes",
        allowed_links=["https://a.example/"],
    )

    assert campaign.window == Window(time(11), time(19, 30))
    assert campaign.limits.stale_after == timedelta(minutes=90)
    assert "https://a.example/" in campaign.allowed_links


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"texts__welcome__hi": ...}, ["texts.welcome.hi: is missing"], id="missing translation"),
        pytest.param(
            {"texts__welcome__hi__body": ...},
            ["texts.welcome.hi.body: is missing"],
            id="translation without body",
        ),
        pytest.param({"names__hi": ...}, ["names.hi: is missing"], id="name not translated"),
        pytest.param({"sponsors": ...}, ["sponsors: is missing"], id="no sponsor"),
        pytest.param(
            {"values__opt_out__hi": ...}, ["values.opt_out.hi: is missing"], id="value not translated"
        ),
        pytest.param(
            {"texts__welcome__en__body": "Thank you {name}. Opt out: {opt_out}"},
            ["texts.welcome.en: the variable {name} is not defined in values"],
            id="undefined variable",
        ),
        pytest.param(
            {"texts__welcome__en__body": "Thank you {{x}}. Opt out: 08040001009"},
            [
                "texts.welcome.en: has braces that are not a {variable}",
                "texts.welcome.en: the variable {x} is not defined in values",
            ],
            id="A15: markup of another template language",
        ),
        pytest.param(
            {"values__x": {"en": "a", "hi": "b"}}, ["values.x: no text uses it"], id="value nobody uses"
        ),
        pytest.param({"txets": {}}, ["txets: is not a key we know"], id="misspelt key"),
        pytest.param({"limits__budget": 5}, ["limits.budget: is not a key we know"], id="misspelt key below"),
        pytest.param(
            {"texts__welcome__fr": {"body": "x"}},
            ["texts.welcome.fr: is not a key we know"],
            id="language that is not enabled",
        ),
        pytest.param(
            {"texts__welcome__hi__template": "शुक्रिया। हटने को: {#cbn#}"},
            ["texts.welcome.hi: does not begin with the template's 'शुक्रिया। हटने को: '"],
            id="T9: DLT mismatch",
        ),
        pytest.param(
            {
                "values__opt_out__en": "x" * 31,
                "texts__welcome__en__template": "Thank you. Opt out: {#var#}",
            },
            [
                "texts.welcome.en: {#var#} has 31 characters, 30 are allowed",
                "texts.welcome.en: does not say which number to ring for opting out",
            ],
            id="T6: value too long",
        ),
        pytest.param(
            {
                "texts__welcome__en__body": "See evil.example. Opt out: {opt_out}",
                "texts__welcome__en__template": "See evil.example. Opt out: {#cbn#}",
            },
            ["texts.welcome.en: the link evil.example is not on the campaign's list"],
            id="A17 T8: link not registered",
        ),
        pytest.param(
            {"values__opt_out__en": "08040001008"},
            [
                "texts.welcome.en: the number +918040001008 is not the campaign's",
                "texts.welcome.en: does not say which number to ring for opting out",
            ],
            id="T8 T13: a digit wrong in the opt-out number",
        ),
        pytest.param(
            {"sender__dlt_entity_id": 1101490000000012345},
            ["sender.dlt_entity_id: must be text, not a number; write it in quotes"],
            id="T2: id without quotes",
        ),
        pytest.param(
            {"sender__dlt_entity_id": "12345678901"},
            ["sender.dlt_entity_id: must be the digits that DLT gave, in quotes"],
            id="T2: entity id too short",
        ),
        pytest.param(
            {"texts__welcome__en__template_id": "1107-16"},
            ["texts.welcome.en: template_id must be the digits that DLT gave, in quotes"],
            id="T2: bad template id",
        ),
        pytest.param(
            {"sender__header": "CW"},
            ["sender.header: is no DLT header (letters, or the digits of a promotional one)"],
            id="T3: bad header",
        ),
        pytest.param(
            {"sender__sms_type": "service"},
            [
                "sender.sms_type: must be one of transactional, transactional_opt_in, promotional, not 'service'"
            ],
            id="T1: unknown kind of SMS",
        ),
        pytest.param(
            {"numbers__0__number": "08040001001"},
            ["numbers[0].number: must be an Indian number in E.164, such as `+918040001001`"],
            id="number not E.164",
        ),
        pytest.param(
            {"numbers__0__number": "anonymous"},
            ["numbers[0].number: must be an Indian number in E.164, such as `+918040001001`"],
            id="number is a word",
        ),
        pytest.param(
            {"numbers__0__number": "+911600123456"},
            ["numbers[0].number: must be a landline, mobile or toll-free number, not service"],
            id="number of a class no ExoPhone has",
        ),
        pytest.param(
            {"numbers__0__number": 918040001001},
            ["numbers[0].number: must be text, not a number; write it in quotes"],
            id="number without quotes",
        ),
        pytest.param(
            {"numbers__1__number": "+918040001001"},
            ["numbers[1].number: is listed twice"],
            id="duplicated number",
        ),
        pytest.param(
            {"numbers__0__purpose": "canvass"},
            [
                "numbers[0].purpose: must be one of volunteer, support, registration, callback, information, "
                "opt-out, not 'canvass'"
            ],
            id="unknown purpose",
        ),
        pytest.param({"numbers__0__purpose": ...}, ["numbers[0].purpose: is missing"], id="no purpose"),
        pytest.param(
            {"numbers__0__text": "hello"}, ["numbers[0].text: there is no text 'hello'"], id="no such text"
        ),
        pytest.param(
            {"numbers__0__language": "ta"},
            ["numbers[0].language: must be one of the languages"],
            id="number in a language that is not enabled",
        ),
        pytest.param(
            {"numbers__1__issue": ...},
            ["numbers[1].issue: is missing: support for what?"],
            id="support for nothing",
        ),
        pytest.param(
            {"numbers__2__text": "welcome"},
            ["numbers[2].text: must be left out: whoever opts out is not written to again"],
            id="an answer to opting out",
        ),
        pytest.param(
            {"numbers__2__purpose": "information"},
            [
                "numbers: none is for opting out",
                "texts.welcome.en: does not say which number to ring for opting out",
                "texts.welcome.hi: does not say which number to ring for opting out",
            ],
            id="T13: nowhere to opt out",
        ),
        pytest.param({"numbers": {}}, ["numbers: must be a list, not a mapping"], id="numbers as a mapping"),
        pytest.param({"numbers__0": "x"}, ["numbers[0]: must be a mapping, not text"], id="a number as text"),
        pytest.param(
            {"window": {"start": "09:59", "end": "21:00"}},
            ["window: may only be narrower than 10:00 to 21:00"],
            id="T10: window opens too early",
        ),
        pytest.param(
            {"window": {"start": "10:00", "end": "21:01"}},
            ["window: may only be narrower than 10:00 to 21:00"],
            id="T10: window closes too late",
        ),
        pytest.param(
            {"window": {"start": 600, "end": "21:00"}},
            [
                "window.start: must be text, not a number; write it in quotes",
                "window: may only be narrower than 10:00 to 21:00",
            ],
            id="YAML reads 10:00 as 600",
        ),
        pytest.param(
            {"window": {"start": "25:00", "end": "21:00"}},
            [
                "window.start: must be a time of day such as `10:00`, not '25:00'",
                "window: may only be narrower than 10:00 to 21:00",
            ],
            id="no such hour",
        ),
        pytest.param(
            {"window": {"start": "18:00", "end": "12:00"}},
            ["window.end: must be later than the start", "window: may only be narrower than 10:00 to 21:00"],
            id="window over midnight",
        ),
        pytest.param(
            {"limits__sms_budget_rupees": ...}, ["limits.sms_budget_rupees: is missing"], id="no budget"
        ),
        pytest.param(
            {"limits__sms_budget_rupees": True},
            ["limits.sms_budget_rupees: must be a whole number above 0"],
            id="budget `yes`",
        ),
        pytest.param(
            {"limits__sms_budget_rupees": 0.5},
            ["limits.sms_budget_rupees: must be a whole number above 0"],
            id="budget with a fraction",
        ),
        pytest.param(
            {"limits__prefix_per_minute": 0},
            ["limits.prefix_per_minute: must be a whole number above 0"],
            id="zero",
        ),
        pytest.param({"limits": ...}, ["limits: is missing"], id="no limits, told once"),
        pytest.param({"limits": [1]}, ["limits: must be a mapping, not a list"], id="limits as a list"),
        pytest.param(
            {"texts__welcome__once_per": "monthly"},
            [
                "texts.welcome.once_per: must be a duration such as `30 days`, `12 hours` or `90 minutes`, "
                "not 'monthly'"
            ],
            id="once_per not readable",
        ),
        pytest.param(
            {"texts__welcome__once_per": 30},
            ["texts.welcome.once_per: must be text, not a number; write it in quotes"],
            id="once_per without unit",
        ),
        pytest.param(
            {"languages": ...},
            ["languages: is missing", "default_language: must be one of the languages"],
            id="no languages",
        ),
        pytest.param(
            {"default_language": "ta"}, ["default_language: must be one of the languages"], id="default"
        ),
        pytest.param(
            {"provider": "acme"},
            ["provider: must be one of exotel, twilio, not 'acme'"],
            id="unknown provider",
        ),
        pytest.param(
            {"campaign": "Clean Water"},
            [
                "campaign: must be lower-case letters, digits and dashes, beginning with a letter, at most 40, "
                "not 'Clean Water'"
            ],
            id="campaign id",
        ),
        pytest.param(
            {"names__en": "Clean\u202eretaW"},
            ["names.en: holds an invisible character, U+202E"],
            id="A7: override",
        ),
        pytest.param(
            {"names__en": "a\x00b"}, ["names.en: holds an invisible character, U+0000"], id="A7: NUL"
        ),
        pytest.param(
            {"names__en": "a\nb"}, ["names.en: holds an invisible character, U+000A"], id="A7: new line"
        ),
        pytest.param(
            {"names__en": "\ud800"}, ["names.en: holds an invisible character, U+D800"], id="A7: surrogate"
        ),
        pytest.param({"names__en": ""}, ["names.en: is empty"], id="empty name"),
        pytest.param(
            {"names__en": ["a"]}, ["names.en: must be text, not a list; write it in quotes"], id="list"
        ),
        pytest.param(
            {"texts__welcome__en__body": "Thank you. Opt out: {opt_out}\n"},
            ["texts.welcome.en.body: starts or ends with a blank or a new line"],
            id="a block text of YAML ends with a new line",
        ),
        pytest.param(
            {"allowed_links": "a.example"}, ["allowed_links: must be a list, not text"], id="links not a list"
        ),
        pytest.param(
            {"allowed_links": ["a.example", 5, "a.ex\u200bample"]},
            [
                "allowed_links[1]: must be text, not a number; write it in quotes",
                "allowed_links[2]: holds an invisible character, U+200B",
            ],
            id="links of wrong kinds",
        ),
        pytest.param({"rules": ...}, ["rules: is missing"], id="no rules"),
        pytest.param(
            {"rules__sms_part__source": ...},
            ["rules.sms_part.source: is missing"],
            id="a rule without its source",
        ),
        pytest.param(
            {"rules__sms_classes__allowed": ["mobile", "pigeon"]},
            [
                "rules.sms_classes.allowed: must be one of mobile, landline, toll-free, shared-cost, "
                "telemarketing, service, short-code, international, not 'pigeon'"
            ],
            id="a rule with an unknown class",
        ),
        pytest.param({"texts": None}, ["texts: is missing"], id="empty section"),
    ],
)
def test_a_document_is_refused_with_the_place_and_the_reason(
    changes: dict[str, Any], expected: list[str]
) -> None:
    found = reasons(a_document(**changes))

    assert set(expected) <= set(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"texts__welcome__hi": ...},
        {"rules": ...},
        {"sponsors": ...},
        {"limits": ...},
        {"numbers__0__purpose": "canvass"},
        {"sender__dlt_entity_id": 1101490000000012345},
        {"window": {"start": "09:59", "end": "21:00"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_one_mistake_is_one_reason(changes: dict[str, Any]) -> None:
    assert len(reasons(a_document(**changes))) == 1


def test_every_reason_is_told_at_once() -> None:
    document = a_document(
        provider="acme",
        sender__header="CW",
        numbers__0__purpose="canvass",
        texts__welcome__hi=...,
        texts__welcome__en__body="Thanks. Opt out: {opt_out}",
        limits__sms_budget_rupees=...,
        unknown=1,
    )

    assert sorted(reason.split(":")[0] for reason in reasons(document)) == [
        "limits.sms_budget_rupees",
        "numbers[0].purpose",
        "provider",
        "sender.header",
        "texts.welcome.en",
        "texts.welcome.hi",
        "unknown",
    ]


def test_keys_that_are_not_text_are_told() -> None:
    """YAML reads the key `no` (Norwegian) as false, and a bare number as a number."""
    assert reasons(a_document(names={False: "x", "en": "a", "hi": "b"})) == (
        "names.False: the key must be text; write it in quotes",
    )


def test_a_language_must_be_a_code_and_listed_once() -> None:
    found = reasons(a_document(languages=["en", "hi", "hi"]))

    assert "languages: 'hi' must be a language code such as `hi` or `mni-Mtei`, once" in found
    assert any(
        reason.startswith("languages: 'Hindi'") for reason in reasons(a_document(languages=["en", "Hindi"]))
    )


def test_a_text_must_have_a_plain_name() -> None:
    document = a_document()
    document["texts"]["Wel.come"] = document["texts"]["welcome"]

    assert reasons(document) == (
        "texts.Wel.come: the name must be lower-case letters, digits and dashes, beginning with a letter, at most 40",
    )


def test_a_body_the_provider_would_not_take_is_refused() -> None:
    words = "x" * 2000
    found = reasons(
        a_document(
            texts__welcome__en__body=f"{words} {{opt_out}}", texts__welcome__en__template=f"{words} {{#cbn#}}"
        )
    )

    assert found == ("texts.welcome.en: has 2012 characters, 2000 are allowed",)


def test_a_document_too_large_for_the_table_is_refused_before_it_is_read() -> None:
    found = reasons(a_document(names__en="x" * 300_000))

    assert len(found) == 1
    assert found[0].endswith("bytes, 300000 are allowed")


def test_a_document_that_json_cannot_hold_is_refused() -> None:
    circle: dict[str, Any] = {}
    circle["again"] = circle

    assert "can't be kept as JSON" in reasons(a_document(x=yaml.safe_load("2026-03-02")))[0]
    assert "can't be kept as JSON" in reasons(a_document(x=circle))[0]


@pytest.mark.parametrize(
    "document", [[], "text", None, 5, True, 1.5, object()], ids=lambda value: type(value).__name__
)
def test_a_document_that_is_no_mapping_is_refused(document: Any) -> None:
    assert reasons(document)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = st.sampled_from(
    [
        *a_document(),
        "sender__header",
        "limits__stale_after",
        "numbers__0",
        "numbers__0__text",
        "texts__welcome",
        "texts__welcome__hi",
        "texts__welcome__once_per",
        "values__opt_out",
        "rules__window",
        "rules__dlt_values__longest",
    ]
)


def test_more_numbers_than_one_transaction_can_claim_are_refused() -> None:
    """DynamoDB takes 100 items in a transaction, and two are the version and `current`."""
    document = a_document()
    opt_out = document["numbers"][-1]
    more = [opt_out | {"number": f"+9180400020{nth:02}"} for nth in range(96)]
    document["numbers"] += more[:95]
    assert len(campaigns.parse(document).numbers) == 98
    document["numbers"] += more[95:]

    assert reasons(document) == ("numbers: 99, 98 are allowed",)


@given(place=PLACES, junk=JUNK)
def test_junk_anywhere_in_a_document_is_told_and_never_crashes(place: str, junk: Any) -> None:
    try:
        campaigns.parse(a_document(**{place: junk}))
    except Rejected as rejected:
        told = rejected.reasons
    else:
        told = ()

    assert all(": " in reason for reason in told)


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "${jndi:ldap://x}", "{{7*7}}", "%n", "=1+1", "O'Brien", "क्‍ष"],
    ids=lambda name: f"A15: {name}",
)
def test_a_name_with_markup_is_only_a_name(name: str) -> None:
    assert a_campaign(names__en=name).names["en"] == name


def test_a_text_is_filled_in_in_the_language_asked_for() -> None:
    rendered = a_campaign().rendered("welcome", "hi")

    assert rendered.language == "hi"
    assert rendered.body == "धन्यवाद। हटने को: 08040001009"
    assert rendered.template.template_id == "1107160000000010102"
    assert rendered.segments == texts.segments(rendered.body)
    assert rendered.cost_paise == RULES["sms_part"]["paise"]


def test_a_language_the_text_lacks_falls_back_to_the_default() -> None:
    campaign = a_campaign()

    assert campaign.rendered("welcome", "ta") == campaign.rendered("welcome", "en")


def test_given_values_stand_before_the_campaigns_own() -> None:
    assert a_campaign().rendered("welcome", "en", {"opt_out": "{x}"}).body == "Thank you. Opt out: {x}"


def test_a_text_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound, match="clean-water has no text 'hello'"):
        a_campaign().rendered("hello", "en")


def test_a_variable_without_value_is_rejected_at_the_latest_when_rendering() -> None:
    campaign = replace(a_campaign(), values={})

    with pytest.raises(Rejected, match=r"no value for the variable \{opt_out\}"):
        campaign.rendered("welcome", "en")


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        pytest.param("Thank you", None, id="one SMS"),
        pytest.param("x" * 140, None, id="160 characters"),
        pytest.param("x" * 160, "2 SMS, 42 paise a person: 180 characters, 160 fit into one", id="long"),
        pytest.param(
            "You’re in: it’s ₹5 " + "x" * 80,
            "2 SMS, 42 paise a person; 1 with \"'\" for '’', 'Rs' for '₹'",
            id="curly quote and rupee sign",
        ),
        pytest.param(
            "न" * 90,
            "2 SMS, 42 paise a person: 110 characters in a script of which 70 fit into one",
            id="Hindi",
        ),
        pytest.param(
            "न" * 90 + "’",
            "2 SMS, 42 paise a person: 111 characters in a script of which 70 fit into one",
            id="a curly quote among Hindi costs nothing more",
        ),
    ],
)
def test_a_text_of_several_sms_is_warned_of_with_its_price_and_cause(body: str, warning: str | None) -> None:
    campaign = a_campaign(
        texts__welcome__en__body=f"{body} Opt out {{opt_out}}",
        texts__welcome__en__template=f"{body} Opt out {{#cbn#}}",
    )

    assert campaigns.warnings(campaign) == ((f"texts.welcome.en: {warning}",) if warning else ())


def test_a_text_no_number_sends_is_warned_of() -> None:
    document = a_document()
    document["texts"]["spare"] = document["texts"]["welcome"]

    assert campaigns.warnings(campaigns.parse(document)) == ("texts.spare: no number sends it",)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_campaigns_can_be_published(path: Path) -> None:
    campaign = published(path)

    assert campaign.id == path.stem
    assert campaign.languages == ("en", "hi", "ta")
    assert all(phones.classify(number) is phones.NumberClass.LANDLINE for number in campaign.numbers)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_texts_take_one_sms_in_english_and_two_in_indic_scripts(path: Path) -> None:
    campaign = published(path)
    parts = {
        language: {campaign.rendered(name, language).segments.parts for name in campaign.texts}
        for language in campaign.languages
    }

    assert parts == {"en": {1}, "hi": {2}, "ta": {2}}
    assert len(campaigns.warnings(campaign)) == 2 * len(campaign.texts)


def test_the_shipped_campaigns_share_no_number_and_no_template() -> None:
    shipped = [published(path) for path in SHIPPED]
    numbers = [number for campaign in shipped for number in campaign.numbers]
    template_ids = [
        template.template_id
        for campaign in shipped
        for text in campaign.texts.values()
        for template in text.templates.values()
    ]

    assert len(shipped) >= 2
    assert len(numbers) == len(set(numbers))
    assert len(template_ids) == len(set(template_ids))


def test_the_shipped_campaign_covers_every_journey_the_demo_plays() -> None:
    campaign = published(CATALOG / "campaigns" / "clean-water.yaml")
    purposes = {number.purpose for number in campaign.numbers.values()}
    issues = {number.issue for number in campaign.numbers.values() if number.purpose is Purpose.SUPPORT}

    assert purposes == set(Purpose)
    assert {number.menu for number in campaign.numbers.values() if number.menu} == set(
        campaign.voice.menus if campaign.voice else ()
    )
    assert len(issues) == 2
    assert len({number.source for number in campaign.numbers.values()}) == len(campaign.numbers)
    assert {number.language for number in campaign.numbers.values()} == {"en", "hi", "ta"}


def test_every_rule_of_the_catalog_names_its_source_and_date() -> None:
    assert all(rule["source"] and rule["as_of"] for rule in RULES.values())


def test_the_campaign_in_the_readme_can_be_published_as_it_stands() -> None:
    """F10: whoever copies the example begins with something that works."""
    readme = (CATALOG / "README.md").read_text(encoding="utf-8")
    example = yaml.safe_load(readme.partition("```yaml\n")[2].partition("```")[0])
    campaign = campaigns.parse(example | {"rules": RULES})

    assert campaign.id == "blood-drive"


def test_the_section_on_patching_in_the_readme_can_be_taken_as_it_stands() -> None:
    readme = (CATALOG / "README.md").read_text(encoding="utf-8")
    example = yaml.safe_load(readme.split("```yaml\n")[2].partition("```")[0])
    problems: list[str] = []

    patching = read_patching(Section(example["patching"], "patching", problems), ("en", "hi"))

    assert problems == []
    assert patching.mystery_percent > 0
