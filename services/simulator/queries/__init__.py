"""Queries that a simulator answers while a client waits: screen, ranking, explain, audit, replay."""

from services.simulator.queries.answer import answer

__all__ = ["answer"]
