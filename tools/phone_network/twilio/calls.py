"""Walking a call of the second dialect: ask for a document, carry it out, ask for the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import blake2b
from typing import assert_never
from urllib.parse import urljoin

from phone_network import dialling, numbers, sounds
from phone_network.applets import Prompt
from phone_network.dialling import Rung
from phone_network.exchange import Exchange
from phone_network.fragments import BadAnswer, NeverSent
from phone_network.lines import Gone, Line, Listening, Spoken
from phone_network.recordings import Recording
from phone_network.second_legs import SecondLeg
from phone_network.twilio import signing, twiml
from phone_network.twilio.config import TwilioAccount, TwilioNumber
from phone_network.twilio.twiml import (
    Dial,
    Gather,
    Hangup,
    Pause,
    Record,
    Redirect,
    Reject,
    Speech,
    TwimlError,
    Verb,
)

# A call that asks for more documents than this goes round in circles.
MOST_DOCUMENTS = 250

# SOURCE: Twilio, "Voice webhooks": an answer must come within 15 seconds.
ANSWER_SECONDS = 15.0

_LEG_EVENTS = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}
"""Of a second leg's status; every other is its end."""

_XML = ("text/xml", "application/xml")
_BEEP_SECONDS = 0.5

Fields = list[tuple[str, str]]


@dataclass(slots=True, eq=False)
class TwilioCall:
    """A call from a handset to a number of the second dialect."""

    sid: str
    account: TwilioAccount
    number: TwilioNumber
    caller: str
    nth: int
    created_at: datetime
    line: Line
    status: str = "ringing"
    ended_at: datetime | None = None
    documents: int = 0
    recordings_made: int = 0

    @property
    def cause(self) -> tuple[object, ...]:
        """What made this call: the caller's nth to this number."""
        return (self.caller, self.number.number, self.nth)

    def fields(self) -> Fields:
        """Return the parameters of every request about the call."""
        return [
            ("AccountSid", self.account.sid),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", self.sid),
            ("CallStatus", self.status),
            ("Called", self.number.number),
            ("Caller", self.caller),
            ("Direction", "inbound"),
            ("From", self.caller),
            ("To", self.number.number),
        ]


def identifier(prefix: str, run_id: str, *cause: object) -> str:
    """Return an id of Twilio's shape: two letters and 32 hexadecimal digits."""
    text = "\x1f".join((prefix, run_id, *map(str, cause)))
    return prefix + blake2b(text.encode(), digest_size=16).hexdigest()


async def run(call: TwilioCall, exchange: Exchange, run_id: str) -> None:
    """Take a call to its end, and tell its status callback."""
    await _Course(call, exchange, run_id).run()


class _Course:
    def __init__(self, call: TwilioCall, exchange: Exchange, run_id: str) -> None:
        self._call = call
        self._line = call.line
        self._exchange = exchange
        self._run_id = run_id
        self._url = call.number.voice_url

    async def run(self) -> None:
        call, line = self._call, self._line
        try:
            verbs: Sequence[Verb] | None = await self._ask(self._url, [])
            while verbs is not None and not line.is_gone:
                verbs = await self._carry_out(verbs)
        except Gone:
            pass
        except TwimlError as error:
            line.note("failed", what="document", code=error.code, reason=str(error), url=self._url)
            self._exchange.feed.tell("document.failed", call_sid=call.sid, code=error.code, reason=str(error))
        line.end("caller" if line.is_gone else "network")
        if line.answered_at is not None:
            call.status = "completed"
        elif call.status == "ringing":
            call.status = "no-answer"
        if call.number.status_callback:
            self._exchange.spawn("statuses", self._tell_end())

    async def _carry_out(self, verbs: Sequence[Verb]) -> Sequence[Verb] | None:
        """Carry a document out; return the next one, or None at the end of the call."""
        for verb in verbs:
            following = await self._do(verb)
            if following is not None:
                return following
            if isinstance(verb, Hangup | Reject):
                return None
        return None

    async def _do(self, verb: Verb) -> Sequence[Verb] | None:
        if not isinstance(verb, Reject):
            self._answer()
        match verb:
            case Speech() | Pause():
                await self._line.hear(await self._spoken((verb,)))
            case Gather():
                return await self._gather(verb)
            case Record():
                return await self._record(verb)
            case Redirect(url):
                return await self._ask(url, [])
            case Dial():
                return await self._dial(verb)
            case Reject(is_busy):
                self._call.status = "busy" if is_busy else "no-answer"
            case Hangup():
                pass
            case _:
                assert_never(verb)
        return None

    async def _gather(self, verb: Gather) -> Sequence[Verb] | None:
        listening = Listening(
            verb.timeout_seconds, verb.num_digits, verb.finish_on_key, verb.takes_keys, verb.takes_speech
        )
        heard = await self._line.ask(await self._spoken(verb.spoken), listening)
        fields: Fields = []
        if heard.speech is not None:
            fields = [("SpeechResult", heard.speech.text), ("Confidence", "0.9")]
        elif heard.keys is not None:
            fields = [("Digits", heard.keys), ("FinishedOnKey", heard.finished_by)]
        elif not verb.tells_of_nothing:
            return None
        elif verb.takes_keys:
            fields = [("Digits", "")]
        return await self._ask(verb.action, fields)

    async def _record(self, verb: Record) -> Sequence[Verb] | None:
        """SOURCE: Twilio, "Record": an empty recording goes on with the next verb and asks nothing."""
        if verb.has_beep:
            await self._line.wait(_BEEP_SECONDS)
        taken = await self._line.record(verb.max_seconds, verb.timeout_seconds, verb.finish_on_key)
        if taken.ended_by == "silence" and not taken.has_speech:
            return None
        sid, url = self._keep(taken.seconds)
        fields = [
            ("RecordingSid", sid),
            ("RecordingUrl", url),
            ("RecordingDuration", str(round(taken.seconds))),
        ]
        if taken.ended_by == "hang-up":
            fields.append(("Digits", "hangup"))
        elif taken.key:
            fields.append(("Digits", taken.key))
        return await self._ask(verb.action, fields)

    def _keep(self, seconds: float) -> tuple[str, str]:
        call, exchange = self._call, self._exchange
        call.recordings_made += 1
        plan, timing = exchange.callbacks.plan, exchange.config.timing
        cause = (*call.cause, call.recordings_made)
        wait = timing.recording_ready_seconds
        wait += timing.fault_delay_seconds if plan.strikes("recording_late", *cause) else 0.0
        due = exchange.clock.now() + timedelta(seconds=wait)
        sid = identifier("RE", self._run_id, *cause)
        is_lost = plan.strikes("recording_never", *cause)
        exchange.recordings.keep(
            Recording(
                call.account.sid,
                sid,
                call.sid,
                sounds.WAV,
                seconds,
                self._line.now(),
                None if is_lost else due,
            )
        )
        base = exchange.config.recordings_url or exchange.own_url
        return sid, f"{base}/2010-04-01/Accounts/{call.account.sid}/Recordings/{sid}"

    async def _dial(self, verb: Dial) -> Sequence[Verb] | None:
        phone = numbers.parse(verb.number)
        if phone is None:
            raise TwimlError(13224, f"{verb.number!r} is no number that can be dialled")
        handset = self._exchange.handsets.at(phone)
        rung = dialling.ring(handset, verb.timeout_seconds)
        self._line.note("dialled", number=phone, status=rung.status)
        ours, legs = self._call.number.number, self._exchange.second_legs
        with legs.ringing(self._call.sid, self._call.caller, handset, ours, verb.caller_id or ours) as leg:
            sid = identifier("CA", self._run_id, *self._call.cause, "leg", self._call.documents)
            await self._ring(verb, rung, leg, sid)
        if not verb.action:
            return None
        fields = [
            ("DialCallStatus", leg.status),
            ("DialCallSid", sid),
            ("DialCallDuration", str(round(leg.talked_seconds))),
            ("DialBridged", "true" if leg.talked_seconds else "false"),
        ]
        return await self._ask(verb.action, fields)

    async def _ring(self, verb: Dial, rung: Rung, leg: SecondLeg, sid: str) -> None:
        """Ring a second person, whisper to them, let the two talk, and tell of each step as it was asked for."""
        leg.status = rung.status
        try:
            self._tell_leg(verb, sid, leg, "initiated", 0)
            await self._line.wait(rung.seconds)
            if rung.is_answered:
                self._tell_leg(verb, sid, leg, "in-progress", 1)
                await self._whisper(verb, leg, sid)
                began = self._line.second
                try:
                    with self._exchange.second_legs.bridging(leg):
                        handset = self._exchange.handsets.at(leg.callee)
                        await self._line.talk(min(handset.talks_seconds, verb.longest_seconds))
                finally:
                    leg.talked_seconds = self._line.second - began
                    self._line.note("talked", number=leg.callee, seconds=round(leg.talked_seconds, 3))
        except Gone:
            leg.status = leg.status if leg.talked_seconds else "canceled"
            raise
        finally:
            self._tell_leg(verb, sid, leg, leg.status, 2)

    async def _whisper(self, verb: Dial, leg: SecondLeg, sid: str) -> None:
        """Carry out, for the one who was rung alone, the document at the number's own address. SOURCE: Twilio, "Number"."""
        if not verb.whisper_url:
            return
        fields = sorted([*self._leg_fields(sid, leg), ("CallStatus", "in-progress")])
        url = urljoin(self._url, verb.whisper_url)
        cause = (*self._call.cause, "whisper", self._call.documents)
        answer = await self._exchange.callbacks.post(
            url, tuple(fields), cause, self._headers(url, fields, cause), ANSWER_SECONDS
        )
        for each in twiml.parse(answer.body) if answer.status == 200 else ():
            if isinstance(each, Speech | Pause):
                spoken = await self._spoken((each,))
                leg.whispered += [said.prompt.text or said.prompt.audio_url for said in spoken]
                await self._line.wait(sum(said.seconds for said in spoken))

    def _leg_fields(self, sid: str, leg: SecondLeg) -> Fields:
        return [
            ("AccountSid", self._call.account.sid),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", sid),
            ("ParentCallSid", self._call.sid),
            ("Called", leg.callee),
            ("Caller", leg.shown),
            ("Direction", "outbound-dial"),
            ("From", leg.shown),
            ("To", leg.callee),
        ]

    def _tell_leg(self, verb: Dial, sid: str, leg: SecondLeg, status: str, nth: int) -> None:
        """Tell the number's status callback of an event it was asked for. SOURCE: Twilio, "Number": statusCallbackEvent."""
        event = _LEG_EVENTS.get(status, "completed")
        if not verb.status_callback or event not in verb.status_events:
            return
        url = urljoin(self._url, verb.status_callback)
        fields = [*self._leg_fields(sid, leg), ("CallStatus", status), ("SequenceNumber", str(nth))]
        fields += [
            ("Timestamp", format_datetime(self._line.now())),
            ("CallbackSource", "call-progress-events"),
        ]
        if event == "completed":
            fields.append(("CallDuration", str(round(leg.talked_seconds))))
        cause = (*self._call.cause, "leg", self._call.documents, nth)
        self._exchange.spawn("callbacks", self._post_leg(url, sorted(fields), cause))

    async def _post_leg(self, url: str, fields: Fields, cause: tuple[object, ...]) -> None:
        headers = self._headers(url, fields, cause)
        try:
            await self._exchange.callbacks.post(url, tuple(fields), cause, headers, ANSWER_SECONDS)
        except BadAnswer as failure:
            self._exchange.feed.tell("status.dropped", call_sid=self._call.sid, reason=str(failure))

    def _answer(self) -> None:
        self._line.answer()
        self._call.status = "in-progress"

    async def _spoken(self, verbs: Sequence[Speech | Pause]) -> list[Spoken]:
        spoken: list[Spoken] = []
        for verb in verbs:
            if isinstance(verb, Pause):
                spoken.append(Spoken(Prompt(), verb.seconds))
            else:
                spoken += await self._exchange.spoken(self._line, (verb.prompt,)) * verb.times
        return spoken

    async def _ask(self, address: str, more: Fields) -> Sequence[Verb]:
        """Post to an address and read the document it answers with; relative to the one before."""
        self._call.documents += 1
        if self._call.documents > MOST_DOCUMENTS:
            raise TwimlError(12400, f"more than {MOST_DOCUMENTS} documents in one call")
        self._url = url = urljoin(self._url, address) if address else self._url
        fields = sorted([*self._call.fields(), *more])
        cause = (*self._call.cause, self._call.documents)
        digits = dict(more).get("Digits")
        try:
            answer = await self._exchange.callbacks.post(
                url, tuple(fields), cause, self._headers(url, fields, cause), ANSWER_SECONDS
            )
        except BadAnswer as failure:
            is_sent = not isinstance(failure, NeverSent)
            self._line.note("told", url=url, digits=digits, status=None, sent=is_sent)
            raise TwimlError(11200, str(failure)) from failure
        self._line.note("told", url=url, digits=digits, status=answer.status, sent=True)
        if answer.status != 200:
            raise TwimlError(11200, f"the answer has status {answer.status}")
        if answer.content_type not in _XML:
            raise TwimlError(12300, f"the content type is {answer.content_type or 'missing'}, not text/xml")
        return twiml.parse(answer.body)

    def _headers(self, url: str, fields: Fields, cause: tuple[object, ...]) -> dict[str, str]:
        return {
            "X-Twilio-Signature": signing.signature(self._call.account.auth_token, url, fields),
            "I-Twilio-Idempotency-Token": identifier("", self._run_id, *cause),
        }

    async def _tell_end(self) -> None:
        call = self._call
        fields = sorted(
            [
                *call.fields(),
                ("CallDuration", str(round(self._line.second))),
                ("SequenceNumber", "0"),
                ("CallbackSource", "call-progress-events"),
                ("Timestamp", format_datetime(self._line.now())),
            ]
        )
        url = call.number.status_callback
        cause = (*call.cause, "status")
        headers = self._headers(url, fields, cause)
        try:
            await self._exchange.callbacks.post(url, tuple(fields), cause, headers, ANSWER_SECONDS)
        except BadAnswer as failure:
            self._exchange.feed.tell("status.dropped", call_sid=call.sid, reason=str(failure))
