"""The permission that each rpc needs. An rpc without a rule is refused."""

from typing import NamedTuple

from google.protobuf.descriptor import ServiceDescriptor

from ordertrail.v1 import (
    order_command_service_pb2,
    order_history_service_pb2,
    order_import_service_pb2,
    projection_service_pb2,
    subscription_service_pb2,
)
from ordertrail_server.access.permission import (
    HEALTH,
    IMPORT,
    OPERATE,
    READ,
    REFLECT,
    SUBMIT,
    SUBSCRIBE,
    VERBS,
    WRITE,
)


class RpcRule(NamedTuple):
    """The permission that an rpc needs, with WRITE for any verb.

    `needs_all_customers` is true if the answer, or the effect, concerns the orders of all customers at once.
    """

    permission: str
    needs_all_customers: bool = False


_COMMANDS = order_command_service_pb2.DESCRIPTOR.services_by_name["OrderCommandService"]
_HISTORY = order_history_service_pb2.DESCRIPTOR.services_by_name["OrderHistoryService"]
_IMPORT = order_import_service_pb2.DESCRIPTOR.services_by_name["OrderImportService"]
_PROJECTIONS = projection_service_pb2.DESCRIPTOR.services_by_name["ProjectionService"]
_SUBSCRIPTIONS = subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"]
_OPERATE_ALL = RpcRule(OPERATE, needs_all_customers=True)


def _rules(service: ServiceDescriptor, **rules: RpcRule) -> dict[str, RpcRule]:
    unknown = rules.keys() - service.methods_by_name.keys()
    assert not unknown, f"{service.full_name} has no rpcs {unknown}"
    return {f"{service.full_name}/{name}": rule for name, rule in rules.items()}


def _verb_rules() -> dict[str, RpcRule]:
    return {
        method.name: RpcRule(VERBS[method.input_type.full_name])
        for method in _COMMANDS.methods
        if method.input_type.full_name in VERBS
    }


RULES = {
    **_rules(
        _COMMANDS,
        **_verb_rules(),
        ExecuteCommands=RpcRule(WRITE),
        SubmitCommand=RpcRule(SUBMIT),
        GetCommand=RpcRule(SUBMIT),
        WatchCommand=RpcRule(SUBMIT),
        ListCommands=RpcRule(SUBMIT),
        RetryCommand=RpcRule(OPERATE),
        RejectCommand=RpcRule(OPERATE),
    ),
    **_rules(
        _HISTORY,
        GetOrder=RpcRule(READ),
        ListOrders=RpcRule(READ),
        ListOrderEvents=RpcRule(READ),
        DiffOrders=RpcRule(READ),
        StreamOrderEvents=RpcRule(READ),
        ListProductTotals=RpcRule(READ, needs_all_customers=True),
    ),
    **_rules(_IMPORT, ImportOrders=RpcRule(IMPORT)),
    **_rules(
        _PROJECTIONS,
        ExplainEvent=RpcRule(OPERATE),
        ListParkedOrders=RpcRule(OPERATE),
        GetParkedOrder=RpcRule(OPERATE),
        RetryParkedOrder=RpcRule(OPERATE),
        ListEventSchemas=_OPERATE_ALL,
        ListProjections=_OPERATE_ALL,
        RebuildProjection=_OPERATE_ALL,
        CompareGeneration=_OPERATE_ALL,
        PromoteGeneration=_OPERATE_ALL,
        DropGeneration=_OPERATE_ALL,
        ResumeProjection=_OPERATE_ALL,
        AuditProjections=_OPERATE_ALL,
    ),
    **_rules(
        _SUBSCRIPTIONS,
        CreateSubscription=RpcRule(SUBSCRIBE),
        GetSubscription=RpcRule(SUBSCRIBE),
        ListSubscriptions=RpcRule(SUBSCRIBE),
        UpdateSubscription=RpcRule(SUBSCRIBE),
        DeleteSubscription=RpcRule(SUBSCRIBE),
        Consume=RpcRule(SUBSCRIBE),
        ListParkedDeliveries=RpcRule(SUBSCRIBE),
        ReplayParkedDeliveries=RpcRule(SUBSCRIBE),
        SkipParkedDelivery=RpcRule(SUBSCRIBE),
        RotateWebhookSecret=RpcRule(SUBSCRIBE),
        RevokeWebhookSecret=RpcRule(SUBSCRIBE),
        ListWebhookDeliveries=RpcRule(SUBSCRIBE),
        RedeliverWebhookDelivery=RpcRule(SUBSCRIBE),
    ),
    "grpc.health.v1.Health/Check": RpcRule(HEALTH),
    "grpc.health.v1.Health/List": RpcRule(HEALTH),
    "grpc.health.v1.Health/Watch": RpcRule(HEALTH),
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": RpcRule(REFLECT),
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": RpcRule(REFLECT),
}
"""{"service/rpc": its rule}."""

RPCS_WITH_FACTS = frozenset(
    rpc for rpc, rule in RULES.items() if rule.permission in {WRITE, IMPORT, SUBMIT, *VERBS.values()}
)
"""The rpcs that may lead to facts, which keep their caller."""
