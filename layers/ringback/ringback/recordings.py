"""S3: our own copies of recordings, private and encrypted; the bucket forgets them after a while."""

from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ringback.domain.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINK_SECONDS = 300
"""How long a link to a recording opens it. Whoever has the link hears it, so not for long."""

_ENDINGS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}


def key_for(campaign: str, name: str, content_type: str) -> str:
    """Where a recording is kept: `clean-water/<id>.mp3`."""
    return f"{campaign}/{name}.{_ENDINGS.get(content_type, 'audio')}"


def keep(bucket: str, key: str, content: bytes, content_type: str) -> bool:
    """Store a recording unless one is there; False when it is: what was kept first stands."""
    try:
        _client().put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"].get("Code") != "PreconditionFailed":
            raise
        return False
    return True


def load(bucket: str, key: str) -> bytes:
    """A recording; `NotFound` when the bucket has forgotten it."""
    try:
        return _client().get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"].get("Code") != "NoSuchKey":
            raise
        raise NotFound("the recording is gone: the bucket keeps audio for a limited time only") from None


def link(bucket: str, key: str) -> str:
    """An address that plays the recording for `LINK_SECONDS`, for whoever has it."""
    return _client().generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=LINK_SECONDS
    )


@cache
def _client() -> "S3Client":
    import boto3
    from botocore.config import Config

    # Links are signed in the old way otherwise, which newer regions refuse. SOURCE: AWS, S3, "Signature Version 4".
    return boto3.client("s3", config=Config(signature_version="s3v4"))
