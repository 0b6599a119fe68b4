"""The circuit breaker of a webhook: given failures and times, when one more, then."""

from ordertrail_server.webhooks.circuit_breaker import FAILURES, FIRST_PAUSE_S, MAX_PAUSE_S, Circuit, CircuitBreaker


def opened(at: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for position in range(FAILURES):
        breaker.note_failure(position, at)
    return breaker


def test_failures_of_different_deliveries_open_the_circuit() -> None:
    breaker = CircuitBreaker()
    for position in range(FAILURES - 1):
        breaker.note_failure(position, 0.0)
    assert breaker.allowed(7) == 7
    breaker.note_failure(99, 0.0)
    assert (breaker.circuit, breaker.allowed(7)) == (Circuit.OPEN, 0)


def test_failures_of_one_delivery_never_open_the_circuit() -> None:
    breaker = CircuitBreaker()
    for _ in range(100):
        breaker.note_failure(1, 0.0)
    assert breaker.circuit == Circuit.CLOSED


def test_success_between_failures_keeps_the_circuit_closed() -> None:
    breaker = CircuitBreaker()
    for position in range(100):
        breaker.note_failure(position, 0.0)
        if position % 3 == 0:
            breaker.note_success()
    assert breaker.circuit == Circuit.CLOSED


def test_open_circuit_lets_one_delivery_try_after_its_pause() -> None:
    breaker = opened(at=100.0)
    breaker.note_time(100.0 + FIRST_PAUSE_S - 0.1)
    assert breaker.allowed(7) == 0
    breaker.note_time(100.0 + FIRST_PAUSE_S)
    assert (breaker.circuit, breaker.allowed(7)) == (Circuit.HALF_OPEN, 1)


def test_success_of_the_trial_closes_the_circuit() -> None:
    breaker = opened()
    breaker.note_time(FIRST_PAUSE_S)
    breaker.note_success()
    assert breaker.allowed(7) == 7
    breaker.note_failure(1, 0.0)
    assert breaker.circuit == Circuit.CLOSED


def test_failure_of_the_trial_doubles_the_pause_up_to_its_limit() -> None:
    breaker = opened()
    pauses = []
    for _ in range(10):
        now = breaker.retry_at
        breaker.note_time(now)
        breaker.note_failure(1, now)
        pauses.append(breaker.retry_at - now)
    assert pauses[:2] == [2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == MAX_PAUSE_S


def test_late_failures_do_not_prolong_the_pause() -> None:
    breaker = opened(at=0.0)
    breaker.note_failure(99, 5.0)
    assert breaker.retry_at == FIRST_PAUSE_S
