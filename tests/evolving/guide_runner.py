"""Follow docs/changing-events.md: run every command, apply every edit, and compare every output."""

import asyncio
import re
import shlex
import sys
from pathlib import Path

from tests.docs.output_match import find_mismatch
from tests.docs.pages import ROOT, ConsoleCommand, parse_console
from tests.docs.reader import PAGE_ADDRESS, wait_until_current
from tests.e2e.running_server import RunningServer
from tests.evolving.checkout import Checkout
from tests.evolving.guide_diff import apply_diff

PAGE = ROOT / "docs" / "changing-events.md"
BLOCKS = re.compile(r"^```(diff|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GRPCURL = str(Path(sys.executable).parent / "grpcurl")


class GuideRunner:
    """Works in a checkout, with one server on `data` that restarts where the page restarts it."""

    def __init__(self, checkout: Checkout, data: Path) -> None:
        self._checkout = checkout
        self.server: RunningServer = checkout.server(data)
        self.steps = 0

    def run_guide(self) -> None:
        """Do all steps of the page. Fails where an output differs."""
        for language, block in BLOCKS.findall(PAGE.read_text()):
            if language == "diff":
                apply_diff(self._checkout.root, block)
            else:
                for step in parse_console(block):
                    self._do(step)
            self.steps += 1

    def close(self) -> None:
        """Stop the server."""
        self.server.close()

    def _do(self, step: ConsoleCommand) -> None:
        if step.command == "ordertrail serve":
            self.server.close()
            self.server.start()
            return
        if self.server.running:
            asyncio.run(wait_until_current(self.server))
        output = self._run(step.command)
        assert find_mismatch(step.output, output) is None, f"{step.command}\nprinted\n{output}"

    def _run(self, command: str) -> str:
        program, *arguments = shlex.split(command.replace(PAGE_ADDRESS, self.server.address))
        program = GRPCURL if program == "grpcurl" else program
        return self._checkout.runs(program, *arguments, ORDERTRAIL_TARGET=self.server.address)
