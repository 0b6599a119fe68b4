"""An SMTP server in the event loop of a test, which keeps the mails that it accepts."""

import asyncio
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session
from tests.ports import find_free_port

ACCEPTED = "250 OK"


class MailServer:
    """An SMTP server on one port of 127.0.0.1, which can be started and stopped.

    `refusals` answers the next mails instead of ACCEPTED. `before_answer` is called when a mail has arrived and its
    sender waits for the answer. `has_ended_session` is set when a sender says QUIT.
    """

    def __init__(self) -> None:
        self.port = find_free_port()
        self.mails: asyncio.Queue[EmailMessage] = asyncio.Queue()
        self.refusals: list[str] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.has_ended_session = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, hostname="localhost"), "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd names it)
        """Keep the mail, or refuse it."""
        if self.refusals:
            return self.refusals.pop(0)
        assert isinstance(envelope.content, bytes)
        mail: Message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.put_nowait(mail)
        self.before_answer()
        return ACCEPTED

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.has_ended_session.set()
        return "221 Bye"

    async def next_mail(self) -> EmailMessage:
        """Return the oldest mail that was not returned before."""
        async with asyncio.timeout(60):
            return await self.mails.get()
