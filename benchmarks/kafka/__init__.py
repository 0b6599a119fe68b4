"""Ordertrail with its log on Kafka brokers on this machine, beside Ordertrail on the embedded log."""
