"""Which provider speaks for a campaign: known at the door without a read, and never guessed."""

import pytest

from ringback import providers, settings
from ringback.domain.errors import Misconfigured
from ringback.domain.providers import NAMES, USUAL
from ringback.providers.base import CallbackRequest, Dialect
from ringback.settings import Settings
from tests.deployment import environment

ONE, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64


def settings_of(tokens: str) -> Settings:
    return settings.from_environment(environment(VOICE_TOKENS=tokens, RECORDING_QUEUE_URL="queue"))


def test_a_token_names_its_campaigns_provider_and_otherwise_it_is_the_usual_one() -> None:
    read = settings_of(f"a={ONE},b:twilio={OTHER}, b:twilio={THIRD},c:exotel={'d' * 64}")

    assert read.voice_tokens == {ONE: "a", OTHER: "b", THIRD: "b", "d" * 64: "c"}
    assert read.dialects == {"a": "exotel", "b": "twilio", "c": "exotel"}


@pytest.mark.parametrize(
    "tokens",
    [f"a:={ONE}", f"a:nobody={ONE}", f":twilio={ONE}", f"a:twilio={ONE}1", f"a:twilio={ONE},a={OTHER}"],
)
def test_a_token_that_names_no_provider_or_two_stops_the_start(tokens: str) -> None:
    with pytest.raises(Misconfigured, match="VOICE_TOKENS"):
        settings_of(tokens)


@pytest.mark.parametrize("name", NAMES)
def test_every_provider_has_a_dialect_of_its_own_name(name: str) -> None:
    dialect: Dialect = providers.dialect(name)

    assert dialect.name == name
    assert "missed-call" not in dialect.STEPS
    assert dialect.acknowledged("missed-call").status == 200


@pytest.mark.parametrize("name", ["", "Exotel", "os", "nobody"])
def test_a_name_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured):
        providers.dialect(name)


def test_the_usual_provider_signs_nothing() -> None:
    dialect = providers.dialect(USUAL)

    assert not dialect.is_signed
    assert dialect.is_authentic((), "https://ringback.example", CallbackRequest("GET", "turn", "", "", b""))
