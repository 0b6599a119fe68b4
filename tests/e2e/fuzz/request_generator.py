"""Random requests of an rpc: valid ones, also with changed fields, random fields, and bytes that are no message."""

from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from tests.e2e.fuzz.value_pool import ValuePool
from tests.e2e.rpcs import RPCS, build_request
from tests.e2e.test_bad_input import mutate

MAX_DEPTH = 4
# After so many calls, other orders replace all orders, because most are in their final states by then.
ORDERS, CALLS_OF_AN_ORDER = 6, 1_500
SUBSCRIPTION_NAMES = ("name", "subscription")


class RequestGenerator:
    """Creates requests from values of a pool."""

    def __init__(self, pool: ValuePool) -> None:
        self._pool = pool
        self._count = 0

    def create(self, kind: Any, rpc_name: str, random: Random) -> bytes:
        """Return a request, serialized, for an rpc with this type of requests."""
        self._count += 1
        choice = random.random()
        if choice < 0.05:
            return random.randbytes(random.randrange(200))
        message = kind() if choice < 0.25 or rpc_name not in RPCS else self._build_valid(rpc_name, random)
        for _ in range(random.choice((0, 0, 0, 1, 1, 2, 3, 8))):
            self._change(message, random, MAX_DEPTH)
        raw = bytes(message.SerializeToString())
        # A changed URL could name another machine.
        return mutate(raw, random) if choice > 0.85 and b"://" not in raw else raw

    def _build_valid(self, rpc_name: str, random: Random) -> Message:
        order_id = f"order-{self._count // CALLS_OF_AN_ORDER}-{random.randrange(ORDERS)}"
        request: Message = build_request(rpc_name, order_id)
        for field, _ in request.ListFields():
            if field.name in SUBSCRIPTION_NAMES and field.type == field.TYPE_STRING and random.random() < 0.7:
                setattr(request, field.name, self._pool.choose(field, random))
        return request

    def _change(self, message: Message, random: Random, depth: int) -> None:
        """Change a random field of a message, or of a message in it."""
        fields = message.DESCRIPTOR.fields
        if not fields:
            return
        field: FieldDescriptor = random.choice(fields)  # type: ignore[assignment]  # its stub has a second class
        if random.random() < 0.15:
            message.ClearField(field.name)
        elif field.is_repeated:
            self._change_list(message, field, random, depth)
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            if depth > 0:
                self._change(inner, random, depth - 1)
        else:
            setattr(message, field.name, self._pool.choose(field, random))

    def _change_list(self, message: Message, field: FieldDescriptor, random: Random, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return
        values = getattr(message, field.name)
        for _ in range(random.choice((1, 1, 2, 300)) if depth == MAX_DEPTH else 1):
            if field.message_type is None:
                values.append(self._pool.choose(field, random))
            elif values and random.random() < 0.5:
                self._change(random.choice(values), random, depth - 1)
            elif depth > 0:
                self._change(values.add(), random, depth - 1)
