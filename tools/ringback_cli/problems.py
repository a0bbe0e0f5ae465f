"""From an error to one sentence that says what is wrong and what to do next."""

from typing import TYPE_CHECKING

from ringback.domain.errors import Misconfigured, Rejected, RingbackError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_BUSY = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
}


def explain(error: Exception) -> str | None:
    """The sentence for a mistake or an outage; None for an error that is ours and deserves its traceback."""
    match error:
        case Rejected(reasons=reasons) if len(reasons) > 1:
            return "\n".join(reasons)
        case Misconfigured():
            return f"the deployment's settings are not complete: {error}"
        case RingbackError():
            return str(error)
    if type(error).__module__.startswith("ringback_local."):
        return f"the local stack did not start: {error}"
    return _of_aws(error)


def _of_aws(error: Exception) -> str | None:
    from botocore import exceptions as aws
    from pynamodb.exceptions import PynamoDBException, TableDoesNotExist

    if isinstance(error, TableDoesNotExist):
        return f"{error}: is this the whole deployment? `make deploy` makes every table"
    if isinstance(error, PynamoDBException) and isinstance(error.cause, Exception):
        return _of_aws(error.cause)
    match error:
        case (
            aws.NoCredentialsError()
            | aws.PartialCredentialsError()
            | aws.TokenRetrievalError()
            | aws.SSOError()
        ):
            return "there are no AWS credentials: sign in (`aws sso login`), or set AWS_PROFILE"
        case aws.ProfileNotFound():
            return f"{error}: set AWS_PROFILE to one that `aws configure list-profiles` shows"
        case aws.NoRegionError():
            return "no AWS region is set: set AWS_REGION, or a region in your profile"
        case aws.ConnectionError() | aws.HTTPClientError():
            address = error.kwargs.get("endpoint_url", "its address")
            return f"AWS does not answer at {address}: check the network, or `ringback local status`, and try again"
        case aws.ClientError():
            return _of_a_request(error)
        case aws.BotoCoreError():
            return f"AWS could not be asked: {error}"
    return None


def _of_a_request(error: "ClientError") -> str:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in _BAD_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}): sign in again (`aws sso login`), or set AWS_PROFILE"
    if code in _DENIED:
        return f"these credentials may not do that: {message}"
    if code in _BUSY:
        return f"AWS is throttling ({code}): try again in a moment"
    if code == "ResourceNotFoundException":
        return f"{error.operation_name}: {message}: is this the whole deployment? `make deploy` makes every table"
    return f"AWS refused {error.operation_name}: {code}: {message}"
