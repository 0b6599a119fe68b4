"""The default name of a log."""

ORDER_EVENTS = "orders.events"
"""The default name of the Kafka topic, and the name of every embedded log in receipts."""
