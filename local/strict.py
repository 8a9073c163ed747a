"""The stricter emulator of the adapter tests, on 127.0.0.1: LocalStack's S3 and moto's DynamoDB at one address (decision 29).

    .venv-strict/bin/python local/strict.py PORT

LocalStack's own start command is for its container image: it makes a TLS certificate, starts a DNS server and extension hooks, and
reports usage. This serves its gateway with S3 alone, and moto beside it.
"""

from __future__ import annotations

import asyncio
import datetime
import enum
import os
import sys

SETTINGS = {
    "SERVICES": "s3",
    "STRICT_SERVICE_LOADING": "1",
    # No usage reports, no certificate from elsewhere, no DNS server.
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DNS_ADDRESS": "0",
}
# Above the largest request of a test: a part has 5 MiB.
BODY_BYTES_MAX = 64 * 1024 * 1024


def main() -> None:
    port = int(sys.argv[1])
    if sys.version_info < (3, 11):
        _add_what_python_3_10_lacks()
    # Read when the modules are imported.
    os.environ.update(SETTINGS, GATEWAY_LISTEN=f"127.0.0.1:{port}")
    asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    from hypercorn import Config
    from hypercorn.asyncio import serve
    from hypercorn.middleware import AsyncioWSGIMiddleware
    from localstack.aws.app import LocalstackAwsGateway
    from localstack.aws.serving.asgi import AsgiGateway
    from localstack.services.plugins import SERVICE_PLUGINS
    from moto.moto_server.werkzeug_app import create_backend_app

    # Now, not with the first request of a test.
    SERVICE_PLUGINS.require("s3")
    s3 = AsgiGateway(LocalstackAwsGateway(SERVICE_PLUGINS), event_loop=asyncio.get_running_loop())
    dynamodb = AsyncioWSGIMiddleware(create_backend_app("dynamodb"), max_body_size=BODY_BYTES_MAX)

    async def application(scope, receive, send) -> None:
        targets = [value for name, value in scope.get("headers", ()) if name.lower() == b"x-amz-target"]
        is_dynamodb = any(target.startswith(b"DynamoDB_") for target in targets)
        await (dynamodb if is_dynamodb else s3)(scope, receive, send)

    config = Config()
    config.bind = f"127.0.0.1:{port}"
    # LocalStack signs and answers with the names as they came.
    config.h11_pass_raw_headers = True
    await serve(application, config)


def _add_what_python_3_10_lacks() -> None:
    """LocalStack 4.13 declares support for Python 3.10, but imports two names that came with 3.11."""

    class StrEnum(str, enum.Enum):
        __str__ = str.__str__

    enum.StrEnum = StrEnum
    datetime.UTC = datetime.timezone.utc


if __name__ == "__main__":
    main()
