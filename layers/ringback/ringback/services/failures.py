"""What a failed delivery asks for, whether the provider said so at once or in a report."""

from ringback import observability
from ringback.domain.facts import FailureAction
from ringback.store import contacts, sending


def heed(action: FailureAction, campaign: str, person: str, code: str, *, is_news: bool = True) -> None:
    """Stop writing to the person, or stop the campaign's sending, as the provider's `code` asks.

    Repeating it changes nothing. Old news (`is_news` False) pauses no campaign: somebody may have mended and resumed it since.
    """
    match action:
        case FailureAction.SUPPRESS_CONTACT | FailureAction.BAD_NUMBER:
            contacts.suppress(person, action)
        case FailureAction.FIX_TEMPLATE | FailureAction.FIX_ENTITY if is_news:
            pause(campaign, f"{action}: the provider answered {code}")


def pause(campaign: str, reason: str) -> None:
    """Stop a campaign's sending until a person resumes it. Receiving goes on."""
    sending.pause(campaign, reason)
    observability.count("SendingPaused")
    observability.logger.error("Sending paused", extra={"campaign": campaign, "reason": reason})
