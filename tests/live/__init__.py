"""Tests against the real sources, for a person with keys."""
