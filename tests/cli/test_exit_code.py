import signal
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, stop

CALLS = [["orders"], ["produce", "1"]]


@pytest.mark.parametrize("args", CALLS, ids=lambda args: str(args[0]))
def test_unreachable_server_is_one_sentence_with_exit_code_1(args: list[str]) -> None:
    result = CommandLine("127.0.0.1:1").run(*args)
    assert result.returncode == 1
    assert result.stderr == "Error: The server at 127.0.0.1:1 cannot be reached: is it running there?\n"


@pytest.mark.parametrize("command", ["history", "tail", "produce"])
def test_ctrl_c_ends_a_command_with_130_and_no_traceback(ordertrail: CommandLine, data: Path, command: str) -> None:
    args = {
        "history": ["history", "--customer", "shop-1", "--follow"],
        "tail": ["tail", "--data", str(data), "--follow"],
        "produce": ["produce", "100000", "--show-acks"],
    }[command]
    ordertrail.lines("produce", "50")
    running = ordertrail.start(*args)
    try:
        assert running.stdout is not None
        assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        *_, last = ["", *running.stdout]
        assert running.stderr is not None
        errors = running.stderr.read()
        assert running.wait() == 130
    finally:
        stop(running)
    assert errors.strip() == ""
    assert command != "produce" or "of 100,000 orders; " in last


def test_closed_pipe_ends_a_following_command_silently(ordertrail: CommandLine, data: Path) -> None:
    ordertrail.lines("produce", "50")
    running = ordertrail.start("tail", "--data", str(data), "--follow")
    try:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        ordertrail.lines("produce", "50")
        assert running.wait(timeout=20) == 141
        assert running.stderr is not None
        assert running.stderr.read() == ""
    finally:
        running.kill()
        running.wait()
        assert running.stderr is not None
        running.stderr.close()


def test_role_query_without_projector_is_wrong_usage(data: Path) -> None:
    result = CommandLine("").run("serve", "--data", str(data), "--role", "query")
    assert result.returncode == 2
    assert "the role query reads what the role projector writes in the same server" in result.stderr
