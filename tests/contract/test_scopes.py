"""A handler that gets a scope uses it, unless its rpc is for callers with all customers only."""

import ast
import inspect
from textwrap import dedent
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor

from ordertrail_server.access.rpc_rules import RULES
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.edge.service_descriptors import COMMANDS, HISTORY, PROJECTION, SUBSCRIPTIONS
from ordertrail_server.edge.submission_handlers import QUERIES
from ordertrail_server.edge.submission_service import SubmissionService
from ordertrail_server.edge.subscription_service import SubscriptionService

SERVICES = ((HISTORY, HistoryService), (PROJECTION, ProjectionService), (SUBSCRIPTIONS, SubscriptionService))
METHODS = [
    (method, getattr(service, method.name), "scope")
    for descriptor, service in SERVICES
    for method in descriptor.methods
]
METHODS += [
    (COMMANDS.methods_by_name[name], getattr(SubmissionService, name), "viewer") for name in (*QUERIES, "WatchCommand")
]


def uses(function: Any, parameter: str) -> bool:
    """Return whether a function reads a parameter."""
    return any(
        isinstance(node, ast.Name) and node.id == parameter
        for node in ast.walk(ast.parse(dedent(inspect.getsource(function))))
    )


@pytest.mark.parametrize(("method", "function", "parameter"), METHODS, ids=[method.name for method, *_ in METHODS])
def test_method_uses_its_scope_or_its_rpc_needs_all_customers(
    method: MethodDescriptor, function: Any, parameter: str
) -> None:
    assert parameter in inspect.signature(function).parameters
    rule = RULES[f"{method.containing_service.full_name}/{method.name}"]
    assert uses(function, parameter) != rule.needs_all_customers
