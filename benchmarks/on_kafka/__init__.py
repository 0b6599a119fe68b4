"""The same service with its log on real brokers, on this machine, beside what it does on the embedded log."""
