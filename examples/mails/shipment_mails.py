"""Sends the customer of an order one e-mail for each shipment, as a consumer of a subscription. See README.md."""

import argparse
import asyncio
import json
import math
import signal
import smtplib
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC
from email.message import EmailMessage
from pathlib import Path

from sent_mails import SentMails

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import OrderTrailError
from ordertrail.v1.history_event_pb2 import HistoryEvent

HERE = Path(__file__).resolve().parent
SMTP_SECONDS = 30
LONGEST_DELAY_SECONDS = 3_600.0


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    target: str
    subscription: str
    smtp: str
    sender: str
    addresses: Path
    notes: Path
    retry_seconds: float


async def consume_until_stopped(options: Options, sent_mails: SentMails) -> None:
    """Run until Ctrl-C or SIGTERM, also in the background of a shell, where Ctrl-C is ignored."""
    task = asyncio.create_task(consume(options, sent_mails))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


async def consume(options: Options, sent_mails: SentMails) -> None:
    """Send a mail for each shipment. Waits for the server as long as it takes."""
    async with (
        connect(options.target) as orders,
        orders.consume(options.subscription, max_events=1, patience=math.inf) as consumer,
    ):
        async for delivery in consumer:
            try:
                await send_once(delivery.event, orders, sent_mails, options)
            except Exception as error:  # whatever it is, other orders go on, and an operator reads the reason
                delay = min(options.retry_seconds * 2 ** (delivery.hand_out.attempt - 1), LONGEST_DELAY_SECONDS)
                consumer.reject(delivery, delay=delay, reason=f"{type(error).__name__}: {error}")
                print(f"{delivery.event.order_id}: no mail, next attempt in {delay:g} s: {error}", flush=True)
            else:
                consumer.acknowledge(delivery)


async def send_once(event: HistoryEvent, orders: OrderTrail, sent_mails: SentMails, options: Options) -> None:
    """Send the mail about a shipment, unless the SMTP server has accepted it before."""
    if event.HasField("order_shipped") and not sent_mails.is_sent(event.event_id):
        order = await orders.get(event.order_id)  # the event does not name the customer
        mail = compose_mail(event, options.sender, find_address(order.customer_id, options.addresses))
        await asyncio.to_thread(send_and_note, mail, event, sent_mails, options.smtp)


def find_address(customer_id: str, file: Path) -> str:
    """Return the e-mail address of a customer. Orders hold none: put your own address book here."""
    addresses: dict[str, str] = json.loads(file.read_text())
    if customer_id not in addresses:
        raise LookupError(f"customer {customer_id!r} has no address in {file.name}; add it")
    return addresses[customer_id]


def compose_mail(event: HistoryEvent, sender: str, recipient: str) -> EmailMessage:
    """Return the mail about a shipment. It is the same each time, with the same Message-ID."""
    mail = EmailMessage()
    mail["Message-ID"] = f"<{event.event_id}@{sender.rpartition('@')[2]}>"
    mail["Date"] = event.record_time.ToDatetime(tzinfo=UTC)
    mail["From"], mail["To"] = sender, recipient
    mail["Subject"] = f"Order {event.order_id}: goods are on their way"
    lines = [f"  {line.quantity} x {line.product_id}\n" for line in event.order_shipped.lines]
    mail.set_content(f"We have shipped these goods of your order {event.order_id}:\n\n{''.join(lines)}")
    return mail


def send_and_note(mail: EmailMessage, event: HistoryEvent, sent_mails: SentMails, smtp_address: str) -> None:
    """Send a mail and note it. Raises OSError if the SMTP server is down, or refuses the mail (4xx and 5xx)."""
    host, _, port = smtp_address.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=SMTP_SECONDS) as smtp:
        sent_mails.note_attempt(event.event_id, event.order_id)
        smtp.send_message(mail)
        sent_mails.note_sent(event.event_id)  # a kill before this line has the same mail sent once more


def parse_options() -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="127.0.0.1:50051", help="the Ordertrail server")
    parser.add_argument("--subscription", default="shipment-mails", help="the name of the subscription")
    parser.add_argument("--smtp", default="127.0.0.1:1025", help="the SMTP server")
    parser.add_argument("--sender", default="shipping@example.com", help="the address of the sender")
    parser.add_argument("--addresses", type=Path, default=HERE / "addresses.json", help="JSON of addresses by customer")
    parser.add_argument("--notes", type=Path, default=Path("sent-mails.sqlite"), help="the file of notes")
    parser.add_argument("--retry-seconds", type=float, default=5.0, help="the delay after a first failed attempt")
    return Options(**vars(parser.parse_args()))


def main() -> None:
    """Run the program. A mail that is being sent when the program is stopped is finished and noted."""
    options = parse_options()
    with closing(SentMails(options.notes)) as sent_mails, suppress(KeyboardInterrupt, asyncio.CancelledError):
        try:
            asyncio.run(consume_until_stopped(options, sent_mails))
        except OrderTrailError as error:
            sys.exit(f"{error} {error.action}")


if __name__ == "__main__":
    main()
