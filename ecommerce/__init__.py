"""What the four services share: the engine, the log, the relay, the consumer. Knows no service by name."""
