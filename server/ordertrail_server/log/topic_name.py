"""The default names of logs."""

ORDER_EVENTS = "orders.events"
"""The default name of the Kafka topic of events, and the name of every embedded log in receipts."""

ORDER_COMMANDS = "orders.commands"
"""The default name of the Kafka topic of submitted commands, and the name of every embedded log of commands."""


def commands_topic_of(topic: str) -> str:
    """Return the default name of the topic of submitted commands beside this topic of events."""
    return f"{topic.removesuffix('.events')}.commands"


def subscriptions_topic_of(topic: str) -> str:
    """Return the default name of the topic of subscriptions beside this topic of events."""
    return f"{topic.removesuffix('.events')}.subscriptions"
