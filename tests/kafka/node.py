"""A node of a development cluster: broker and controller in one process, which tests kill and freeze."""

import signal
from collections.abc import Sequence
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, run

from tests.kafka.distribution import fetch_jars, find_class_archive, find_java
from tests.process_freeze import freeze_process

OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


class Node:
    """A node with its properties and data in a directory, which can exist from an earlier run.

    `version` is Kafka's, by default that of pom.xml. `users` are SCRAM credentials as arguments of kafka-storage.
    `hosts` is the content of a hosts file that replaces the machine's.
    """

    def __init__(
        self, directory: Path, properties: dict[str, str], version: str = "", users: Sequence[str] = (), hosts: str = ""
    ) -> None:
        self._version, self._users = version, users
        self._hosts = directory / "hosts" if hosts else None
        self._properties = directory / "server.properties"
        self._output = directory / "output.txt"
        self._data = directory / "data"
        self._process: Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}\n" for name, value in (properties | {"log.dirs": str(self._data)}).items()]
        self._properties.write_text("".join(lines))
        if self._hosts is not None:
            self._hosts.write_text(hosts)

    def format(self, cluster_id: str) -> None:
        """Format the data directory, unless it is formatted already."""
        if not self._data.exists():
            users = [word for user in self._users for word in ("--add-scram", user)]
            command = self._command("kafka.tools.StorageTool", "format", "-t", cluster_id, *users, "-c")
            with self._output.open("ab") as output:
                run(command, stdin=DEVNULL, stdout=output, stderr=STDOUT, check=True)

    def start(self, *options: str) -> None:
        """Start the process with additional options of Java, without waiting until it is ready."""
        with self._output.open("ab") as output:
            command = self._command("kafka.Kafka", options=options)
            self._process = Popen(command, stdin=DEVNULL, stdout=output, stderr=STDOUT)

    def check(self) -> None:
        """Raise RuntimeError with the process's output if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"the broker ended by itself:\n{self._output.read_text()[-4000:]}")

    def stop(self) -> None:
        """Stop the process in an orderly way (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process (kill -9)."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Suspend the process. Its connections stay open, but it does not answer."""
        if self._process is not None:
            freeze_process(self._process.pid)

    def thaw(self) -> None:
        """Resume a frozen process."""
        self._send(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._send(number)
            self._process.wait()
            self._process = None

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _command(self, main: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
        hosts = [] if self._hosts is None else [f"-Djdk.net.hosts.file={self._hosts}"]
        # The archive fits the jars of one version.
        archive = [] if self._version or not find_class_archive().exists() else [find_class_archive()]
        return [
            find_java(),
            *OPTIONS,
            *(f"-XX:SharedArchiveFile={path}" for path in archive),
            *options,
            *hosts,
            "-cp",
            f"{fetch_jars(self._version)}/*",
            main,
            *arguments,
            str(self._properties),
        ]
