"""Logs each request that a function makes to the local AWS, for local/cost.py.

A line of JSON per request: access key ID, service, operation, bytes of the request's and of the response's body. The access key ID of a function's
session begins with ASIA. An operation of S3 is the method, the kind of resource, and the query parameters that select the operation: `PUT object`,
`GET bucket ?list-type`, `PUT object ?partNumber`. The line of a transaction has the bytes of each of its items, because DynamoDB rounds each one up.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs

CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d{8}/[^/]+/([^/]+)/")
# Query parameters that select another operation of S3.
S3_OPERATIONS = ("list-type", "partNumber", "uploadId", "uploads", "versions", "delete")


def logged(app, log: Path):
    """An ASGI application that logs the requests with credentials, after their responses."""

    async def logging(scope, receive, send):
        headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
        credential = CREDENTIAL.search(headers.get(b"authorization", ""))
        if scope["type"] != "http" or not credential:
            return await app(scope, receive, send)
        sizes = {"request_bytes": 0, "response_bytes": 0}
        body = bytearray()

        async def receiving():
            message = await receive()
            sizes["request_bytes"] += len(message.get("body", b""))
            if b"x-amz-target" in headers:
                body.extend(message.get("body", b""))
            return message

        async def sending(message):
            sizes["response_bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await app(scope, receiving, sending)
        finally:
            service = credential[2]
            line = {"key": credential[1], "service": service, "operation": _operation(service, scope, headers)} | sizes
            if service == "dynamodb":
                line["consistent"] = b'"ConsistentRead":true' in body.replace(b" ", b"")
                if line["operation"] == "TransactWriteItems":
                    line["item_bytes"] = _item_bytes(body)
            with log.open("a") as output:
                output.write(json.dumps(line) + "\n")

    return logging


def _item_bytes(body: bytes) -> list[int]:
    """The bytes of each item of a transaction. A deletion and a condition check have only its key."""
    written = [step for part in json.loads(body)["TransactItems"] for step in part.values()]
    return [len(json.dumps(step.get("Item", step.get("Key")), separators=(",", ":"))) for step in written]


def _operation(service: str, scope: dict, headers: dict[bytes, str]) -> str:
    if b"x-amz-target" in headers:
        return headers[b"x-amz-target"].rsplit(".", 1)[-1]
    if service != "s3":
        return f"{scope['method']} {scope['path']}"
    query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
    kind = "object" if scope["path"].strip("/").count("/") else "bucket"
    selected = [f"?{name}" for name in S3_OPERATIONS if name in query]
    return " ".join([scope["method"], kind, *selected])
