"""The least a door could do for a Connect, to compare ours with: boto3, and the same five requests on rows of the same size."""

import os
from typing import Any
from uuid import uuid4

import boto3

client = boto3.client("dynamodb")
table = os.environ.get("BARE_TABLE", "bare")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    known = client.batch_get_item(RequestItems=_wanted("the-call", "the-patch", "the-influencer"))
    (call, *_) = known["Responses"][table]
    for counter in ("the-slots", "the-cursor"):
        client.update_item(
            TableName=table,
            Key={"id": {"S": counter}},
            UpdateExpression="ADD held :one",
            ConditionExpression="attribute_not_exists(held) OR held < :limit",
            ExpressionAttributeValues={":one": {"N": "1"}, ":limit": {"N": "1000000"}},
            ReturnValues="ALL_NEW",
        )
    client.batch_get_item(RequestItems=_wanted("the-voter", "the-contact"))
    name, fact = uuid4().hex, {"query": {"S": event.get("rawQueryString", "")}}
    client.transact_write_items(
        TransactItems=[
            _put(call | {"id": {"S": f"patch-{name}"}}),
            _put(fact | {"id": {"S": f"fact-{name}"}}),
            {
                "Update": {
                    "TableName": table,
                    "Key": {"id": {"S": f"voter-{name}"}},
                    "UpdateExpression": "SET claim = :claim, last_at = :claim ADD attempts :one",
                    "ConditionExpression": "attribute_not_exists(claim)",
                    "ExpressionAttributeValues": {":claim": {"S": name}, ":one": {"N": "1"}},
                }
            },
        ]
    )
    return {"statusCode": 200, "body": ""}


def _wanted(*names: str) -> Any:
    return {table: {"Keys": [{"id": {"S": name}} for name in names], "ConsistentRead": True}}


def _put(item: dict[str, Any]) -> Any:
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)"}}
