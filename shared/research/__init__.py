"""Research on top of the engine: many runs of one strategy, and what they say about it."""
