"""What a caller may be allowed to do: a closed set of words, which a policy uses."""

from typing import Final

from ordertrail.v1.commands_pb2 import Command

HEALTH: Final = "health"
REFLECT: Final = "reflect"
READ: Final = "read"
IMPORT: Final = "import"
SUBMIT: Final = "submit"
SUBSCRIBE: Final = "subscribe"
OPERATE: Final = "operate"
FORWARD: Final = "forward"
"""For servers: to pass on calls about subscriptions in the name of callers with certificates."""

WRITE: Final = "write"
"""In a policy: all verbs."""

VERBS: Final[dict[str, str]] = {
    field.message_type.full_name: field.name
    for field in Command.DESCRIPTOR.oneofs_by_name["verb"].fields
    if field.message_type is not None
}
"""{message type of a command: its verb, which is a permission}."""

FOR_CUSTOMERS: Final = frozenset({READ, IMPORT, SUBMIT, SUBSCRIBE, OPERATE, *VERBS.values()})
"""The permissions that a caller has for certain customers."""

PERMISSIONS: Final = FOR_CUSTOMERS | {FORWARD, HEALTH, REFLECT}
