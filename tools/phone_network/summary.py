"""What people received and what the network saw: the figures that judge a campaign from outside."""

from array import array
from collections import Counter

from phone_network.callbacks import Figures
from phone_network.calls import Call
from phone_network.messages import Sms, body_hash
from phone_network.network import Network


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
        "calls": {
            "made": len(calls),
            "ended": sum(call.ended_at is not None for call in calls),
            "callers": len({call.caller for call in calls}),
            "accepted": sum(call.requests_accepted > 0 for call in calls),
            "dropped": sum(call.dropped for call in calls),
        },
        "passthru": _figures(network.callbacks.passthru),
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
        "dropped": call.dropped,
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


def _spread(latencies: "array[float]") -> dict[str, float | None]:
    if not latencies:
        return {"p50": None, "p95": None, "max": None}
    ordered = sorted(latencies)
    last = len(ordered) - 1
    return {
        "p50": round(ordered[round(last * 0.50)], 6),
        "p95": round(ordered[round(last * 0.95)], 6),
        "max": round(ordered[last], 6),
    }
