"""Calls the API makes: the first person is rung, then a flow runs for them, or a second person is rung.

SOURCE: Exotel, "Make a call API" and "StatusCallback". That a first leg which is switched off ends as
`failed` is an assumption.
"""

from phone_network import dialling, flows
from phone_network.call_form import ANSWERED, TERMINAL, CallOrder
from phone_network.calls import Call, Leg
from phone_network.clock import wall
from phone_network.config import Account
from phone_network.dialling import Rung
from phone_network.exchange import Exchange
from phone_network.lines import Gone, Line
from phone_network.numbers import as_exotel

_IN_PROGRESS = "in-progress"
_CANCELED = "canceled"


async def run(call: Call, line: Line, account: Account, exchange: Exchange, order: CallOrder) -> None:
    """Take an accepted call to its end, but for the StatusCallback of that end."""
    handset = exchange.handsets.at(order.caller)
    rung = dialling.ring(handset, order.ring_seconds)
    with handset.engaged(is_rung=True):
        await _run(call, line, account, exchange, order, rung)
    if call.legs[0].status == _IN_PROGRESS or rung.is_answered:
        call.legs[0] = Leg(dialling.COMPLETED, call.duration_seconds, "Human")


async def _run(
    call: Call, line: Line, account: Account, exchange: Exchange, order: CallOrder, rung: Rung
) -> None:
    await line.ring(rung.seconds)
    call.legs = [Leg(rung.status), Leg()]
    if not rung.is_answered:
        call.ended_as = rung.status
    elif order.flow_id:
        line.answer()
        line.hang_up_at = min(line.hang_up_at, order.longest_seconds)
        await flows.walk(call, line, account, exchange, account.flows[order.flow_id])
        call.ended_as = dialling.COMPLETED
    else:
        line.answer()
        await _patch(call, line, account, exchange, order)
    line.end("caller" if line.is_gone else "network")


async def _patch(call: Call, line: Line, account: Account, exchange: Exchange, order: CallOrder) -> None:
    """Ring the second person while the first waits, and let the two talk."""
    call.legs[0] = Leg(_IN_PROGRESS, 0, "Human")
    _tell(call, exchange, order, ANSWERED, "first")
    second = exchange.handsets.at(order.to)
    rung = dialling.ring(second, order.ring_seconds)
    ours = call.exophone.number
    with exchange.second_legs.ringing(call.sid, order.caller, second, ours, ours) as leg:
        leg.status = rung.status
        try:
            await line.wait(rung.seconds)
        except Gone:
            leg.status = _CANCELED
            call.legs[1] = Leg(_CANCELED)
            call.ended_as = dialling.COMPLETED
            return
        if not rung.is_answered:
            call.legs[1] = Leg(rung.status)
            call.ended_as = rung.status
            return
        call.legs[1] = Leg(_IN_PROGRESS, 0, "Human")
        _tell(call, exchange, order, ANSWERED, "second")
        began = line.second
        first = exchange.handsets.at(order.caller)
        length = min(first.talks_seconds, second.talks_seconds, order.longest_seconds)
        try:
            with exchange.second_legs.bridging(leg):
                await line.talk(length)
        except Gone:
            line.note("left", after=round(line.second - began, 3))
        leg.talked_seconds = line.second - began
    call.conversation_seconds = round(line.second - began)
    call.legs[1] = Leg(dialling.COMPLETED, call.conversation_seconds, "Human")
    call.ended_as = dialling.COMPLETED
    if order.is_recorded:
        exchange.keep_recording(call, account, line.second - began)


def tell_end(call: Call, exchange: Exchange, order: CallOrder) -> None:
    """Send the StatusCallback of the end of a call: with its four fields, or as the event `terminal`."""
    if order.events:
        _tell(call, exchange, order, TERMINAL, "")
    elif order.status_callback:
        fields = [("CallSid", call.sid), ("Status", call.status), ("DateUpdated", wall(call.updated_at))]
        if call.recording_url:
            fields.append(("RecordingUrl", call.recording_url))
        _send(call, exchange, order, "end", fields)


def _tell(call: Call, exchange: Exchange, order: CallOrder, event: str, nth: str) -> None:
    if event not in order.events or not order.status_callback:
        return
    is_end = event == TERMINAL
    exophone = as_exotel(call.exophone.number)
    fields = [
        ("CallSid", call.sid),
        ("EventType", event),
        ("DateCreated", wall(call.created_at)),
        ("DateUpdated", wall(call.updated_at)),
        ("Status", call.status),
        ("To", as_exotel(order.to)),
        ("From", as_exotel(order.caller)),
        ("PhoneNumberSid", exophone),
        ("StartTime", wall(call.created_at)),
        ("EndTime", wall(call.updated_at) if is_end else ""),
        ("ConversationDuration", str(call.conversation_seconds)),
        ("Direction", "outbound-api"),
    ]
    if is_end and order.custom_field:
        fields.append(("CustomField", order.custom_field))
    if is_end and call.recording_url:
        fields.append(("RecordingUrl", call.recording_url))
    for index, leg in enumerate(call.legs):
        fields += [
            (f"Legs[{index}][OnCallDuration]", str(leg.seconds)),
            (f"Legs[{index}][Status]", leg.status or ("null" if is_end else "")),
            (f"Legs[{index}][AnsweredBy]", leg.answered_by),
        ]
    _send(call, exchange, order, f"{event} {nth}", fields)


def _send(
    call: Call, exchange: Exchange, order: CallOrder, event: str, fields: list[tuple[str, str]]
) -> None:
    work = exchange.callbacks.tell(
        call, order.status_callback, order.callback_type, (*call.cause, event), tuple(fields)
    )
    exchange.spawn("statuses", work)
