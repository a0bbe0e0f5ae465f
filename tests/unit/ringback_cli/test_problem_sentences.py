"""No traceback for a mistake: each becomes a sentence that says what to do next."""

import pytest
from botocore import exceptions as aws
from pynamodb.exceptions import GetError

from ringback.domain.errors import Conflict, Misconfigured, NotFound, Rejected
from ringback_cli import problems
from ringback_local.processes import DidNotStart


def refusal(code: str, message: str = "why") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": message}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NotFound("no such call"), "no such call"),
        (Rejected("a: is missing", "b: is wrong"), "a: is missing\nb: is wrong"),
        (Conflict("taken"), "taken"),
        (Misconfigured("PUBLIC_URL is not set"), "settings are not complete: PUBLIC_URL is not set"),
        (DidNotStart("port 4566 is taken"), "the local stack did not start: port 4566 is taken"),
        (aws.NoCredentialsError(), "aws sso login"),
        (aws.NoRegionError(), "set AWS_REGION"),
        (aws.ProfileNotFound(profile="prod"), "aws configure list-profiles"),
        (
            aws.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            "does not answer at http://127.0.0.1:1",
        ),
        (aws.ReadTimeoutError(endpoint_url="https://sqs"), "does not answer at https://sqs"),
        (refusal("ExpiredTokenException"), "sign in again"),
        (refusal("AccessDeniedException", "not yours"), "these credentials may not do that: not yours"),
        (refusal("ThrottlingException"), "try again in a moment"),
        (refusal("ResourceNotFoundException"), "is this the whole deployment?"),
        (refusal("ValidationException", "odd"), "AWS refused GetItem: ValidationException: odd"),
        (GetError(cause=refusal("AccessDeniedException", "not yours")), "may not do that"),
        (GetError(cause=aws.EndpointConnectionError(endpoint_url="http://x")), "does not answer at http://x"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_mistake_becomes_a_sentence(error: Exception, sentence: str) -> None:
    assert sentence in (problems.explain(error) or "")


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("y"), OSError(32, "broken pipe")])
def test_an_error_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert problems.explain(error) is None
