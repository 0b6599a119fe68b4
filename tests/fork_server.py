"""A process that has imported the code of `ordertrail`, and forks for each process of it that a test starts.

    python -m tests.fork_server SOCKET

The imports take most of the CPU time of a start. A forked process gets the arguments, environment, folder and standard
streams of its request, and runs the same `main` as the console script. `tests/forked_process.py` sends the requests.
"""

import atexit
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from select import select
from traceback import print_exc
from typing import NamedTuple

PRELOADED = (
    "ordertrail.client",
    "ordertrail_server.cli.serve",
    "ordertrail_server.serving",
    "structlog.stdlib",
    "uvloop",
)
MAX_BYTES = 1 << 17
# stdin, stdout, stderr, and where the process id and the exit code are written.
DESCRIPTORS = 4


class Request(NamedTuple):
    """A process to start."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


class ForkServer:
    """Forks for each request on a connection, and reports the ids and exit codes of the processes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reports: dict[int, int] = {}
        self._wakeups, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # A Ctrl-C in the terminal ends pytest, which ends this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(wakeup)

    def serve(self) -> Request | None:
        """Serve until the connection ends. Return the request in each forked process, and None in this one."""
        while True:
            ready, _, _ = select([self._connection.fileno(), self._wakeups], [], [])
            if self._wakeups in ready:
                os.read(self._wakeups, 1024)
                self._report_ended()
            if self._connection.fileno() in ready:
                message, descriptors, _, _ = socket.recv_fds(self._connection, MAX_BYTES, DESCRIPTORS)
                if not message:
                    return None
                request = Request(**json.loads(message))
                if not self._fork(descriptors):
                    return request

    def _fork(self, descriptors: Sequence[int]) -> int:
        *streams, report = descriptors
        pid = os.fork()
        if not pid:
            self._become_child(streams)
            return pid
        for stream in streams:
            os.close(stream)
        os.set_inheritable(report, False)
        os.write(report, f"{pid}\n".encode())
        self._reports[pid] = report
        return pid

    def _become_child(self, streams: Sequence[int]) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        self._connection.detach()
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))

    def _report_ended(self) -> None:
        while self._reports:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            report = self._reports.pop(pid)
            with suppress(BrokenPipeError):  # the test does not need it
                os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(report)


def main() -> None:
    # As in `ordertrail serve`, before gRPC is imported.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    gc.disable()
    for module in PRELOADED:
        import_module(module)
    gc.enable()
    request = ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()
    if request is not None:
        os.environ.clear()
        os.environ.update(request.environment)
        os.chdir(request.folder)
        sys.argv = ["ordertrail", *request.arguments]
        _end_process(_run_main())


def _run_main() -> int:
    """Run `main`, and return the exit code with which Python would end."""
    try:
        import_module("ordertrail.entry_point").main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        print_exc()
        return 1
    return 0


def _end_process(code: int) -> None:
    """End as Python does: wait for threads, call the exit functions, and flush the streams.

    Python would then free every imported object, and so copy all memory that is shared with the fork server.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # multiprocessing ends its processes so, too
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
