"""Limits of an identity, which a new policy may change while its streams are open."""

import pytest

from ordertrail_server.access.identity.identity import Identity
from ordertrail_server.access.meter import Meters
from ordertrail_server.access.rights import CallerLimits
from ordertrail_server.orders.refusal import Refused

CALLER = Identity("till-1", "https://issuer.example")


def test_streams_that_end_after_a_new_policy_are_no_longer_counted() -> None:
    meters = Meters()
    before = meters.get(CALLER, CallerLimits(streams=1))
    before.open_stream()
    with pytest.raises(Refused):
        meters.get(CALLER, CallerLimits(streams=1, commands_per_second=5)).open_stream()
    before.close_stream()
    meters.get(CALLER, CallerLimits(streams=1, commands_per_second=5)).open_stream()


def test_new_limit_of_commands_holds_at_once() -> None:
    meters = Meters()
    meters.get(CALLER, CallerLimits(commands_per_second=1_000)).take_command()
    meter = meters.get(CALLER, CallerLimits(commands_per_second=1))
    meter.take_command()
    with pytest.raises(Refused, match="1 commands a second"):
        meter.take_command()


def test_queries_beyond_the_limit_are_refused_until_one_ends() -> None:
    meter = Meters().get(CALLER, CallerLimits(queries=2))
    with meter.count_query():
        with pytest.raises(ValueError, match="failed"), meter.count_query():
            raise ValueError("failed")
        with meter.count_query(), pytest.raises(Refused, match="2 queries running"), meter.count_query():
            pass
        with meter.count_query():
            pass
