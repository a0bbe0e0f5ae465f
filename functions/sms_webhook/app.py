"""The SMS door: `ANY /sms/status/{message_id}/{proof}`. Keeps delivery reports."""

from typing import Any

from ringback import doors
from ringback.observability import observed
from ringback.runtime import current
from ringback.services import callbacks

runtime = current()


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> doors.Reply:
    match doors.path_after(event, "/sms/status/", 2):
        case (message_id, proof):
            request = doors.request(event, callbacks.SMS_STATUS)
            return doors.reply(callbacks.keep_sms_status(runtime, message_id, proof, request))
        case _:
            return doors.reply(callbacks.unknown_address())
