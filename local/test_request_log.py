"""The request log has a line for each request with credentials, with the sizes of its bodies."""

from __future__ import annotations

import asyncio
import json
import tempfile
import unittest
from pathlib import Path

from request_log import logged

ACCESS_KEY = "ASIAEXAMPLE"


async def answering(scope, receive, send) -> None:
    """An application that reads the request and responds with two pieces of three bytes."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})


def request(service: str | None, method: str = "GET", path: str = "/bucket/key", query: str = "", target: str = "",
            pieces: tuple[bytes, ...] = (b"",)) -> list[dict]:  # fmt: skip
    """The lines that one request adds to the log."""
    headers = [(b"X-Amz-Target", target.encode())] if target else []
    if service:
        credential = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20261128/eu-west-1/{service}/aws4_request, SignedHeaders=host"
        headers.append((b"Authorization", credential.encode()))
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
    messages = [{"type": "http.request", "body": piece, "more_body": number + 1 < len(pieces)} for number, piece in enumerate(pieces)]

    async def receive() -> dict:
        return messages.pop(0)

    async def send(_message) -> None:
        pass

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "requests.jsonl"
        asyncio.run(logged(answering, log)(scope, receive, send))
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


class RequestLog(unittest.TestCase):
    def test_a_request_is_logged_with_the_bytes_of_all_pieces(self) -> None:
        lines = request("s3", "PUT", pieces=(b"12345", b"678"))
        self.assertEqual(lines, [{"key": ACCESS_KEY, "service": "s3", "operation": "PUT object", "request_bytes": 8, "response_bytes": 6}])

    def test_a_request_without_credentials_is_not_logged(self) -> None:
        self.assertEqual(request(None), [])

    def test_operations_of_s3_are_told_apart(self) -> None:
        operations = {
            ("GET", "/bucket", "list-type=2&prefix=state%2F"): "GET bucket ?list-type",
            ("GET", "/bucket/a/b", ""): "GET object",
            ("POST", "/bucket/key", "uploads"): "POST object ?uploads",
            ("PUT", "/bucket/key", "partNumber=1&uploadId=x"): "PUT object ?partNumber ?uploadId",
        }
        for (method, path, query), operation in operations.items():
            self.assertEqual(request("s3", method, path, query)[0]["operation"], operation)

    def test_reads_of_dynamodb_state_their_consistency(self) -> None:
        for body, consistent in ((b'{"ConsistentRead": true}', True), (b'{"ConsistentRead":false}', False), (b"{}", False)):
            line = request("dynamodb", "POST", "/", target="DynamoDB_20120810.GetItem", pieces=(body,))[0]
            self.assertEqual((line["operation"], line["consistent"]), ("GetItem", consistent))

    def test_a_transaction_states_the_bytes_of_each_item(self) -> None:
        steps = [{"Put": {"TableName": "t", "Item": {"pk": {"S": "run"}}}}, {"Delete": {"TableName": "t", "Key": {"pk": {"S": "a"}}}}]
        body = json.dumps({"TransactItems": steps}).encode()
        line = request("dynamodb", "POST", "/", target="DynamoDB_20120810.TransactWriteItems", pieces=(body[:50], body[50:]))[0]
        self.assertEqual(line["item_bytes"], [len('{"pk":{"S":"run"}}'), len('{"pk":{"S":"a"}}')])


if __name__ == "__main__":
    unittest.main()
