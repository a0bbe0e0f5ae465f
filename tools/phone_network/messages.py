"""The provider's record of SMS: what was accepted by its API, and how far each has come."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from hashlib import sha256

from phone_network import numbers
from phone_network.clock import wall


class Stage(Enum):
    """A state of an SMS: `Status`, `DetailedStatusCode`, and the member's name as `DetailedStatus`.

    SOURCE: Exotel, "SMS Status Codes" of the SMS API.
    """

    PENDING_TO_OPERATOR = ("queued", 21010)
    SENDING_TO_OPERATOR = ("sending", 21015)
    PENDING_ON_OPERATOR = ("submitted", 21020)
    DELIVERED_TO_HANDSET = ("sent", 20005)
    FAILED_REJECTED_DND = ("failed-dnd", 23005)
    FAILED_INVALID_DESTINATION_NUMBER = ("failed", 23010)
    FAILED_SUBSCRIBER_UNKNOWN = ("failed", 23040)
    FAILED_EXPIRED = ("failed", 23050)
    FAILED_INVALID_MESSAGE = ("failed", 23070)
    SENDER_BLOCKED_BY_DLT = ("failed", 23080)
    ENTITY_BLOCKED_BY_DLT = ("failed", 23081)
    TEMPLATE_BLOCKED_BY_DLT = ("failed", 23082)
    FAILED_DLT_SCRUBBING_ERROR = ("failed", 23083)
    DLT_TEMPLATE_NOT_FOUND = ("failed", 23182)
    DLT_TEMPLATE_ID_INACTIVE = ("failed", 23183)
    DLT_TEMPLATE_DOES_NOT_MATCH = ("failed", 23185)
    DLT_ENTITY_NOT_FOUND = ("failed", 23281)
    FAILED_OPERATOR_ERROR = ("failed", 24110)

    @property
    def status(self) -> str:
        """The coarse state, e.g. `failed-dnd`."""
        return self.value[0]

    @property
    def code(self) -> int:
        """The number of the detailed state, e.g. 23005."""
        return self.value[1]

    @property
    def is_final(self) -> bool:
        """Whether an SMS stays in this state."""
        return self.code not in (21010, 21015, 21020)


@dataclass(slots=True, eq=False)
class Sms:
    """One SMS to one person. `nth`: the first, second, ... time that this text goes to this person."""

    sid: str
    account_sid: str
    exophone: str
    header: str
    to: str
    body: str
    entity_id: str
    template_id: str
    sms_type: str
    custom_field: str
    status_callback: str
    report_type: str
    units: int
    nth: int
    created_at: datetime
    stage: Stage = Stage.PENDING_TO_OPERATOR
    updated_at: datetime = field(init=False)
    sent_at: datetime | None = None
    answer_reached_client: bool | None = None
    reports_sent: int = 0
    reports_accepted: int = 0

    def __post_init__(self) -> None:
        self.updated_at = self.created_at

    @property
    def cause(self) -> tuple[str, str, str, int]:
        """What made this SMS the SMS it is, whatever the order of arrival."""
        return (self.header, self.to, self.body, self.nth)

    def move(self, stage: Stage, at: datetime) -> None:
        """Enter a state."""
        self.stage = stage
        self.updated_at = at
        if stage is Stage.PENDING_ON_OPERATOR:
            self.sent_at = at

    def to_api(self) -> dict[str, object]:
        """Return the SMS as the REST API shows it."""
        return {
            "Sid": self.sid,
            "AccountSid": self.account_sid,
            "From": f"{numbers.as_exotel(self.exophone)}/{self.header}" if self.exophone else self.header,
            "To": numbers.as_exotel(self.to),
            "DateCreated": wall(self.created_at),
            "DateUpdated": wall(self.updated_at),
            "DateSent": wall(self.sent_at) if self.sent_at else None,
            "Body": self.body,
            "Direction": "outbound-api",
            "Uri": f"/v1/Accounts/{self.account_sid}/SMS/Messages/{self.sid}",
            "ApiVersion": None,
            "Price": None,
            "Status": self.stage.status,
            "DetailedStatusCode": self.stage.code,
            "DetailedStatus": self.stage.name,
            "SmsUnits": self.units,
        }

    def report(self, stage: Stage, at: datetime) -> list[tuple[str, str]]:
        """Return the fields of the delivery report that tells this state.

        SOURCE: Exotel's own client, which names these fields; CustomField is not among them.
        """
        return [
            ("SmsSid", self.sid),
            ("To", numbers.as_exotel(self.to)),
            ("Status", stage.status),
            ("DetailedStatus", stage.name),
            ("DetailedStatusCode", str(stage.code)),
            ("SmsUnits", str(self.units)),
            ("DateSent", wall(self.sent_at or at)),
        ]


class MessageBook:
    """The SMS of one account, in the order of their acceptance."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Sms] = {}

    def add(self, sms: Sms) -> None:
        """Enter an accepted SMS."""
        self._by_sid[sms.sid] = sms

    def find(self, sid: str) -> Sms | None:
        """Return the SMS with this SmsSid."""
        return self._by_sid.get(sid)

    def all(self) -> list[Sms]:
        """Return every SMS, in the order of acceptance."""
        return list(self._by_sid.values())


def body_hash(body: str) -> str:
    """Return a short name for a text: 16 hexadecimal characters of its SHA-256."""
    return sha256(body.encode("utf-8", "surrogateescape")).hexdigest()[:16]
