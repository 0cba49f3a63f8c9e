"""From what whole servers cost to a decision: a rule of gates with its thresholds and prices in data/decision.toml."""
