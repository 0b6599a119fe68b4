"""Ordertrail with its log on Kafka brokers on this machine, compared with Ordertrail on the embedded log."""
