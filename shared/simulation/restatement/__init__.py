"""Differences between two dataset versions that a request reads, and what each of them made."""
