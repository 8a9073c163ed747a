"""ministack, with IAM enforced: a function may do what its role in template.yaml allows, and nothing else.

    python local/ministack_enforced.py

Run by stack.py. Functions get sessions of their roles, and ministack evaluates each of their calls, conditions included, as AWS would for one
account. Calls with the account's own key are the root user's and are allowed. Each decision about a session is written to
IAM_DECISIONS once, a line of JSON: a denied call is answered as AWS would, and `stack.py run` fails in the end.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

os.environ["AUTH"] = "true"

from ministack import app as ministack  # noqa: E402  AUTH is read when it is imported
from ministack.core import iam_actions, iam_evaluator  # noqa: E402
from ministack.core.responses import get_account_id  # noqa: E402
from ministack.services.cloudformation import engine, provisioners  # noqa: E402

import ministack_properties  # noqa: E402
from request_log import logged  # noqa: E402

SESSION_PREFIX = "ASIA"
# Functions of rules that ministack evaluates, and whose short forms it can't read.
RULE_FUNCTIONS = ("Contains", "EachMemberEquals", "EachMemberIn", "RefAll", "ValueOf", "ValueOfAll")


class Decisions:
    """Distinct decisions about the calls of functions."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seen: set[tuple[str, ...]] = set()

    def note(self, principal: str, action: str, resource: str, decision: str) -> None:
        key = (principal, action, resource, decision)
        if key not in self.seen:
            self.seen.add(key)
            line = dict(zip(("principal", "action", "resource", "decision"), key))
            with self.file.open("a") as output:
                output.write(json.dumps(line) + "\n")


def enforce_noting(decisions: Decisions):
    """ministack's own enforcement, whose decisions about sessions are noted."""
    enforce = iam_evaluator.enforce

    def noting(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if access_key_id.startswith(SESSION_PREFIX):
            principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
            decision = getattr(denied, "decision", None) or getattr(denied, "code", None) or "Allow"
            decisions.note(getattr(principal, "arn", access_key_id), iam_action, resource_arn, decision)
        return denied

    return noting


def with_event_sources():
    """The condition key events:source of PutEvents, which ministack lacks; in all entries of a call of ours it is the same."""
    tag_context = iam_actions.request_tag_context

    def context(service, iam_action, body, params):
        found = tag_context(service, iam_action, body, params)
        if iam_action == "events:PutEvents":
            sources = {entry.get("Source", "") for entry in json.loads(body).get("Entries", [])}
            found = found | {"events:source": sources.pop() if len(sources) == 1 else sorted(sources)}
        return found

    return context


def saved_queries() -> dict:
    """AWS::Logs::QueryDefinition, which ministack lacks: it is created, but can't be run without Logs Insights."""

    def create(logical_id, properties, _stack_name):
        missing = {"Name", "QueryString"} - properties.keys()
        if missing:
            raise ValueError(f"AWS::Logs::QueryDefinition {logical_id} lacks {sorted(missing)}")
        query_id = str(uuid.uuid5(uuid.NAMESPACE_OID, properties["Name"]))
        return query_id, {"QueryDefinitionId": query_id}

    return {"create": create, "delete": lambda _physical_id, _properties: None}


def with_rule_functions() -> None:
    """The short forms of the functions of rules, such as !Contains. The SAM CLI writes the long forms; a release has the short ones."""
    for name in RULE_FUNCTIONS:
        engine.CfnLoader.add_constructor(f"!{name}", engine._construct_cfn_tag(f"Fn::{name}"))


def over_tls(app):
    """Calls come over TLS, as far as policies can see: all of ours deny what does not."""

    async def secure(scope, receive, send):
        if scope["type"] == "http":
            headers = [header for header in scope["headers"] if header[0].lower() != b"x-forwarded-proto"]
            scope = scope | {"headers": [*headers, (b"x-forwarded-proto", b"https")]}
        await app(scope, receive, send)

    return secure


def main() -> None:
    decisions = Decisions(Path(os.environ["IAM_DECISIONS"]))
    iam_evaluator.enforce = enforce_noting(decisions)
    iam_actions.request_tag_context = with_event_sources()
    provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = saved_queries()
    ministack.app = over_tls(ministack.app)
    with_rule_functions()
    ministack_properties.apply()
    if os.environ.get("REQUEST_LOG"):
        ministack.app = logged(ministack.app, Path(os.environ["REQUEST_LOG"]))
    ministack.main()


if __name__ == "__main__":
    main()
