"""What people received and what the network saw: the figures that judge a campaign from outside."""

from collections import Counter
from dataclasses import asdict
from hashlib import sha256

from phone_network.callbacks import Figures
from phone_network.calls import Call
from phone_network.lines import Line
from phone_network.messages import Sms, body_hash
from phone_network.network import AnyCall, Network
from phone_network.recordings import Recording
from phone_network.twilio.calls import TwilioCall


def of(network: Network) -> dict[str, object]:
    """Return everything: the totals, what each person received, every accepted SMS."""
    return {
        **totals(network),
        "received": received(network),
        "accepted_sms": [sms_row(sms) for books in network.books.values() for sms in books.messages.all()],
    }


def totals(network: Network) -> dict[str, object]:
    """Return the counts. A call is accepted if one of its requests, at least, was answered with 200."""
    calls = [call for books in network.books.values() for call in books.calls.all()]
    messages = [sms for books in network.books.values() for sms in books.messages.all()]
    return {
        "clock": network.clock.now().isoformat(),
        "seed": network.plan.seed,
        "faults": dict(network.plan.struck),
        "calls": {
            "made": len(calls),
            "ended": sum(call.ended_at is not None for call in calls),
            "callers": len({call.caller for call in calls}),
            "accepted": sum(call.requests_accepted > 0 for call in calls),
            "dropped": sum(call.dropped for call in calls),
        },
        "second_legs": _second_legs(network),
        "passthru": _figures(network.callbacks.passthru),
        "fragments": _figures(network.callbacks.fragments),
        "sounds": _figures(network.callbacks.sounds),
        "statuses": _figures(network.callbacks.statuses),
        "documents": _figures(network.callbacks.documents),
        "reports": _figures(network.callbacks.reports),
        "sms": {
            "accepted": len(messages),
            "answer_lost": sum(sms.answer_reached_client is False for sms in messages),
            "delivered": sum(sms.stage.status == "sent" for sms in messages),
            "by_status": Counter(sms.stage.name for sms in messages),
            "people": sum(bool(handset.inbox) for handset in network.handsets.all()),
        },
        "accounts": {
            sid: {
                "sms_requests": books.requests.total,
                "most_sms_requests_in_60_s": books.requests.most,
                "sms_accepted": books.accepted.total,
                "most_sms_accepted_in_60_s": books.accepted.most,
            }
            for sid, books in network.books.items()
        },
    }


def received(network: Network) -> dict[str, list[dict[str, object]]]:
    """Return, for each person who got any SMS, how often each text came under each header."""
    return {
        handset.phone: [
            {"header": header, "template_id": template_id, "body_hash": text, "count": count}
            for (header, template_id, text), count in Counter(
                (sms.header, sms.template_id, body_hash(sms.body)) for sms in handset.inbox
            ).items()
        ]
        for handset in network.handsets.all()
        if handset.inbox
    }


def call_row(call: Call) -> dict[str, object]:
    """Return a call as the controls show it."""
    return {
        "call_sid": call.sid,
        "account": call.account_sid,
        "from": call.caller,
        "shown": call.shown,
        "to": call.exophone.number,
        "created_at": call.created_at.isoformat(),
        "ended_at": call.ended_at.isoformat() if call.ended_at else None,
        "status": call.status,
        "requests_sent": call.requests_sent,
        "requests_accepted": call.requests_accepted,
        "tellings_accepted": len(call.tellings_accepted),
        "dropped": call.dropped,
        "direction": call.direction,
        "call_type": call.call_type,
        "digits": call.digits,
        "recording_url": call.recording_url or None,
        "custom_field": call.custom_field,
        "duration_seconds": call.duration_seconds,
        "callbacks_sent": call.callbacks_sent,
        "callbacks_accepted": call.callbacks_accepted,
    }


def row_of(call: AnyCall) -> dict[str, object]:
    """Return a call of either dialect as the controls show it."""
    return call_row(call) if isinstance(call, Call) else _twilio_row(call)


def all_calls(network: Network) -> list[AnyCall]:
    """Return every call, of one account after the other, oldest first."""
    calls: list[AnyCall] = [call for books in network.books.values() for call in books.calls.all()]
    return [*calls, *network.twilio_calls.values()]


def _twilio_row(call: TwilioCall) -> dict[str, object]:
    return {
        "call_sid": call.sid,
        "account": call.account.sid,
        "from": call.caller,
        "shown": call.caller,
        "to": call.number.number,
        "created_at": call.created_at.isoformat(),
        "ended_at": call.ended_at.isoformat() if call.ended_at else None,
        "status": call.status,
        "requests_sent": call.documents,
        "direction": "inbound",
        "duration_seconds": round(call.line.second),
    }


def whole_call(call: AnyCall) -> dict[str, object]:
    """Return a call with what its person heard and did, and what each Passthru's requests were answered."""
    answers = [list(map(asdict, requests)) for requests in call.answers] if isinstance(call, Call) else []
    return {**row_of(call), **(_line(call.line) if call.line else {}), "answers": answers}


def _line(line: Line) -> dict[str, object]:
    log = [
        {"event": entry.what, "at": entry.at.isoformat(), "second": entry.second, **entry.detail}
        for entry in line.log
    ]
    return {
        "state": line.state,
        "second": round(line.second, 3),
        "heard": [
            entry.detail.get("text") or entry.detail["audio_url"]
            for entry in line.log
            if entry.what == "heard"
        ],
        "keys": [entry.detail["keys"] for entry in line.log if entry.what == "pressed"],
        "log": log,
    }


def second_leg_rows(network: Network) -> list[dict[str, object]]:
    """Return who was rung in the course of somebody else's call, in the order of ringing."""
    return [
        {
            "call_sid": leg.call_sid,
            "from": leg.caller,
            "to": leg.callee,
            "number": leg.number,
            "shown": leg.shown,
            "rang_at": leg.rang_at.isoformat(),
            "answered_at": leg.answered_at.isoformat() if leg.answered_at else None,
            "ended_at": leg.ended_at.isoformat() if leg.ended_at else None,
            "status": leg.status,
            "talked_seconds": round(leg.talked_seconds, 3),
            "whispered": leg.whispered,
        }
        for leg in network.exchange.second_legs.all
    ]


def recording_rows(network: Network) -> list[dict[str, object]]:
    """Return what was recorded, oldest first."""
    shelf = network.exchange.recordings
    now = network.clock.now()
    return [
        _recording_row(recording, shelf.fetches(recording), recording.is_ready(now))
        for recording in shelf.all()
    ]


def _recording_row(recording: Recording, fetched: int, is_ready: bool) -> dict[str, object]:
    return {
        "account": recording.account_sid,
        "call_sid": recording.call_sid,
        "name": recording.name,
        "content_type": recording.content_type,
        "seconds": round(recording.seconds, 3),
        "bytes": len(recording.content),
        "sha256": sha256(recording.content).hexdigest(),
        "ready": is_ready,
        "fetched": fetched,
    }


def sms_row(sms: Sms) -> dict[str, object]:
    """Return an accepted SMS as the controls show it."""
    return {
        "sms_sid": sms.sid,
        "account": sms.account_sid,
        "header": sms.header,
        "to": sms.to,
        "body": sms.body,
        "custom_field": sms.custom_field,
        "dlt_entity_id": sms.entity_id,
        "dlt_template_id": sms.template_id,
        "sms_type": sms.sms_type,
        "units": sms.units,
        "accepted_at": sms.created_at.isoformat(),
        "answer_reached_client": sms.answer_reached_client,
        "status": sms.stage.status,
        "detailed_status": sms.stage.name,
        "code": sms.stage.code,
        "final": sms.stage.is_final,
        "reports_sent": sms.reports_sent,
        "reports_accepted": sms.reports_accepted,
    }


def _second_legs(network: Network) -> dict[str, object]:
    """Patched calls: how many there were, go on now, and went on at once."""
    legs = network.exchange.second_legs
    return {
        "rung": len(legs.all),
        "talked": sum(leg.talked_seconds > 0 for leg in legs.all),
        "bridged_now": legs.bridged.total(),
        "most_bridged": legs.most_bridged_in_all,
        "most_bridged_by_number": dict(legs.most_bridged),
        "answer_seconds": _spread(legs.answer_seconds),
    }


def _figures(figures: Figures) -> dict[str, object]:
    return {
        "wanted": figures.wanted,
        "sent": figures.sent,
        "extra": figures.extra,
        "dropped": figures.dropped,
        "answered_200": figures.answered_200,
        "answered_otherwise": figures.answered_otherwise,
        "unanswered": figures.unanswered,
        "in_flight": figures.in_flight,
        "most_in_flight": figures.most_in_flight,
        "latency_seconds": _spread(figures.latencies),
    }


def _spread(latencies: list[float]) -> dict[str, float | None]:
    if not latencies:
        return {"p50": None, "p95": None, "p99": None, "max": None}
    ordered = sorted(latencies)
    last = len(ordered) - 1
    return {
        "p50": round(ordered[round(last * 0.50)], 6),
        "p95": round(ordered[round(last * 0.95)], 6),
        "p99": round(ordered[round(last * 0.99)], 6),
        "max": round(ordered[last], 6),
    }
