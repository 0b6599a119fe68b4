"""Commands of an order are handed out one after another, in the order in which they become due."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ordertrail_server.submissions.inbox import Inbox, Waiting

END = Waiting(1 << 62, 0, "", is_delayed=False)


def create_inbox(capacity: int = 100) -> Inbox:
    inbox = Inbox(capacity)
    inbox.horizon = END
    return inbox


def build_waiting(offset: int, order_id: str = "order", due: int = 0, *, is_delayed: bool = False) -> Waiting:
    return Waiting(due, offset, order_id, is_delayed)


def test_next_command_of_an_order_waits_for_the_one_in_work() -> None:
    inbox, first, second = create_inbox(), build_waiting(0), build_waiting(1)
    inbox.add(first)
    inbox.add(second)
    assert inbox.take(0, 10) == [first]
    assert inbox.take(0, 10) == []
    inbox.finish(first)
    assert inbox.take(0, 10) == [second]


def test_orders_do_not_wait_for_one_another() -> None:
    inbox, first, other_order = create_inbox(), build_waiting(0, "a"), build_waiting(1, "b")
    inbox.add(first)
    inbox.add(other_order)
    assert inbox.take(0, 10) == [first, other_order]


def test_command_that_was_put_back_comes_before_later_ones() -> None:
    inbox, first, second = create_inbox(), build_waiting(0), build_waiting(1)
    inbox.add(first)
    inbox.add(second)
    inbox.take(0, 10)
    inbox.put_back(first)
    assert inbox.take(0, 10) == [first]


def test_delayed_command_waits_for_its_time_and_holds_up_nothing() -> None:
    inbox = create_inbox()
    delayed, later = build_waiting(0, due=100, is_delayed=True), build_waiting(1, due=50)
    inbox.add(delayed)
    inbox.add(later)
    assert inbox.next_due() == 100
    assert inbox.take(99, 10) == [later]
    inbox.finish(later)
    assert inbox.take(99, 10) == []
    assert inbox.take(100, 10) == [delayed]


def test_command_that_became_due_first_comes_first() -> None:
    inbox = create_inbox()
    delayed, later = build_waiting(0, due=60, is_delayed=True), build_waiting(1, due=50)
    inbox.add(later)
    inbox.add(delayed)
    assert inbox.take(100, 10) == [later]
    inbox.finish(later)
    assert inbox.take(100, 10) == [delayed]


def test_command_is_held_once_however_often_it_is_added() -> None:
    inbox, command = create_inbox(), build_waiting(0)
    inbox.add(command)
    inbox.add(command)
    assert len(inbox) == 1
    assert inbox.take(0, 10) == [command]
    inbox.add(command)
    inbox.finish(command)
    assert inbox.take(0, 10) == []


def test_full_inbox_holds_all_commands_before_its_horizon_and_none_after() -> None:
    inbox = create_inbox(capacity=2)
    commands = [build_waiting(offset, f"order-{offset}", due=offset) for offset in range(5)]
    for command in commands:
        inbox.add(command)
    assert inbox.horizon == commands[2]
    assert inbox.take(10, 10) == commands[:2]
    assert not inbox.has_space
    inbox.finish(commands[0])
    assert inbox.has_space


class InboxMachine(RuleBasedStateMachine):
    """Any sequence of calls: each order has at most one command in work, and it is the first one that is due."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox, self.now, self.count = create_inbox(), 0, 0
        self.waiting, self.in_work = set[Waiting](), list[Waiting]()

    @rule(order=st.sampled_from("abc"), due=st.integers(0, 30))
    def add(self, order: str, due: int) -> None:
        command = build_waiting(self.count, order, max(due, self.now), is_delayed=due > self.now)
        self.inbox.add(command)
        self.waiting.add(command)
        self.count += 1

    @rule(limit=st.integers(1, 3), time=st.integers(0, 30))
    def take(self, limit: int, time: int) -> None:
        self.now = max(self.now, time)
        for command in self.inbox.take(self.now, limit):
            assert command == min(self.find_due(command.order_id))
            assert command.order_id not in {busy.order_id for busy in self.in_work}
            self.waiting.remove(command)
            self.in_work.append(command)

    @precondition(lambda self: self.in_work)
    @rule(place=st.integers(0, 9), is_decided=st.booleans())
    def return_command(self, place: int, is_decided: bool) -> None:
        command = self.in_work.pop(place % len(self.in_work))
        if is_decided:
            self.inbox.finish(command)
        else:
            self.inbox.put_back(command)
            self.waiting.add(command)

    def find_due(self, order_id: str) -> list[Waiting]:
        commands = [command for command in self.waiting if command.order_id == order_id]
        return [command for command in commands if not command.is_delayed or command.due <= self.now]

    def teardown(self) -> None:
        for command in self.in_work:
            self.inbox.finish(command)
        while self.waiting:
            commands = self.inbox.take(1 << 40, 10)
            assert commands, "every command is handed out once it is due"
            for command in commands:
                self.waiting.remove(command)
                self.inbox.finish(command)
        assert len(self.inbox) == 0


test_any_sequence_of_calls = InboxMachine.TestCase
