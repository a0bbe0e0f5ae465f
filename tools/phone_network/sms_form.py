"""The form that asks for an SMS: read it as Exotel's PHP does, check it in the documented order.

SOURCE: Exotel, "Send SMS" and "SMS Status Codes".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from phone_network import numbers, segments, sids
from phone_network.answers import RestError
from phone_network.callbacks import FORM, JSON, MULTIPART
from phone_network.config import Account
from phone_network.messages import Sms
from phone_network.network import Books

MAX_RECIPIENTS = 100
MAX_BODY_LENGTH = 2000

_SMS_TYPES = frozenset({"", "transactional", "transactional_opt_in", "promotional"})
_ENCODINGS = frozenset({"", "plain", "unicode"})
_TEXTS = (
    "Body",
    "EncodingType",
    "Priority",
    "StatusCallback",
    "StatusCallbackContentType",
    "DltEntityId",
    "DltTemplateId",
    "SmsType",
    "CustomField",
)

Form = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class SmsOrder:
    """A form that was found in order."""

    header: str
    recipients: tuple[str, ...]
    body: str
    entity_id: str
    template_id: str
    sms_type: str
    custom_field: str
    status_callback: str
    report_type: str

    def to_sms(self, to: str, books: Books, run_id: str, now: datetime) -> Sms:
        """Make the SMS to one of the recipients; the same text to the same person again gets another id."""
        account = books.account
        text = (self.header, to, self.body)
        books.texts[text] += 1
        return Sms(
            sid=sids.make(run_id, "sms", account.sid, *text, books.texts[text]),
            account_sid=account.sid,
            exophone=account.exophones[0].number if account.exophones else "",
            header=self.header,
            to=to,
            body=self.body,
            entity_id=self.entity_id,
            template_id=self.template_id,
            sms_type=self.sms_type,
            custom_field=self.custom_field,
            status_callback=self.status_callback,
            report_type=self.report_type,
            units=segments.count(self.body),
            nth=books.texts[text],
            created_at=now,
        )


async def fields_of(request: web.Request) -> dict[str, list[str]]:
    """Return the fields of a form, each with its values in order; nothing if the body is no form."""
    if request.content_type not in (FORM, MULTIPART):
        return {}
    fields: dict[str, list[str]] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return fields


def recipients(fields: Form) -> tuple[str, ...]:
    """Return the numbers as written: `To[0]=..&To[1]=..`, `To[]=..`, or one `To` with commas.

    Of a repeated plain `To` only the last counts, as in PHP: what Exotel does with it is not known, so a
    campaign must not rely on more.
    """
    indexed = [
        (int(found[1] or 0), value)
        for name, values in fields.items()
        if (found := re.fullmatch(r"To\[(\d*)\]", name))
        for value in values
    ]
    if indexed:
        return tuple(value.strip() for _, value in sorted(indexed, key=lambda entry: entry[0]))
    return tuple(part.strip() for part in fields.get("To", [""])[-1].split(",") if part.strip())


def check(fields: Form, account: Account) -> SmsOrder:
    """Return the order in a form.

    DLT ids are not looked at here: the real API accepts an SMS without them, and the operators refuse it
    later.

    Raises:
        RestError: with the status and code of the first thing that is wrong.
    """
    for name in fields:
        if re.fullmatch(rf"(?:From|{'|'.join(_TEXTS)})\[.*\]", name):
            raise RestError(400, f"{name.partition('[')[0]} must be a string", 40207)
    given = {name: values[-1] for name, values in fields.items()}
    header, body = given.get("From"), given.get("Body", "")
    if header is None:
        raise RestError(400, "From is a mandatory field", 40210)
    if not header:
        raise RestError(400, "From is empty", 40205)
    if not body:
        raise RestError(400, "Body is empty", 40200)
    if len(body) > MAX_BODY_LENGTH or "\x00" in body:
        raise RestError(400, "Body is invalid", 40202)
    sms_type = given.get("SmsType", "")
    if sms_type not in _SMS_TYPES:
        raise RestError(400, "SmsType is not set correctly", 40204)
    if given.get("EncodingType", "") not in _ENCODINGS or (
        given.get("EncodingType") == "plain" and not segments.is_plain(body)
    ):
        raise RestError(400, "EncodingType is not set correctly", 40209)
    header = _linked(header, sms_type, account)
    report_type = given.get("StatusCallbackContentType", MULTIPART)
    return SmsOrder(
        header=header,
        recipients=_routable(recipients(fields)),
        body=body,
        entity_id=given.get("DltEntityId", ""),
        template_id=given.get("DltTemplateId", ""),
        sms_type=sms_type,
        custom_field=given.get("CustomField", ""),
        status_callback=given.get("StatusCallback", ""),
        report_type=report_type if report_type in (FORM, JSON) else MULTIPART,
    )


def _linked(header: str, sms_type: str, account: Account) -> str:
    """Return the sender id. An ExoPhone stands for the account's only header."""
    exophone = numbers.parse(header)
    if exophone in {each.number for each in account.exophones} and len(account.headers) == 1:
        (header,) = account.headers
    if header not in account.headers:
        raise RestError(400, "From is not a sender id that is linked to this account's ExoPhones")
    if header.isdigit() != (sms_type == "promotional"):
        raise RestError(400, "From does not match SmsType", 40206)
    return header


def _routable(written: tuple[str, ...]) -> tuple[str, ...]:
    if len(written) > MAX_RECIPIENTS:
        raise RestError(400, f"More than {MAX_RECIPIENTS} numbers", 40406)
    phones = tuple(phone for text in written if (phone := numbers.parse(text)))
    if not phones:
        raise RestError(400, "All destination numbers are invalid", 40203)
    return phones
