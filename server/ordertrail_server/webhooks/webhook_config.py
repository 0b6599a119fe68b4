"""What a webhook may be: its bounds and defaults, and the check of its URL."""

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.definition import Limits
from ordertrail_server.subscriptions.webhook_changes import WebhookSet
from ordertrail_server.webhooks.address_policy import AddressPolicy
from ordertrail_server.webhooks.retry import MAX_ATTEMPTS
from ordertrail_server.webhooks.url import UrlRefused, parse_url

TIMEOUT_S = 15.0
MAX_IN_FLIGHT = 5
"""How many deliveries of a webhook are in flight, unless it says otherwise."""

MARGIN_S = 60.0
"""How much longer than the time limit of an attempt a delivery may stay with its webhook."""


def limits_of(config: WebhookSet, max_attempts: int) -> Limits:
    """Return the limits of a webhook's subscription. 0 attempts means the default."""
    return Limits(max_attempts or MAX_ATTEMPTS, config.timeout_s + MARGIN_S)


def require_url(policy: AddressPolicy, url: str) -> None:
    """Raise Refused if no webhook may have this URL. The addresses of a name are checked before each connection."""
    try:
        parts = parse_url(url)
    except UrlRefused as refusal:
        raise _invalid(str(refusal)) from None
    if parts.scheme == "http" and not policy.allowed_networks:
        raise _invalid("must begin with https://, because the operator allows no network without TLS (--webhook-allow)")
    if parts.address is not None and (reason := policy.find_refusal(parts.scheme, str(parts.address), parts.port)):
        raise _invalid(f"is not allowed: {reason}")


def _invalid(reason: str) -> Refused:
    where = "subscription.webhook.url"
    return Refused(Refusal(ERROR_REASON_INVALID_REQUEST, f"{where}: {reason}.", where=where))
