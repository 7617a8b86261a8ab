"""Queries that a simulator answers while a client waits: screen, ranking, explain, holdings, audit, replay."""

from services.simulator.queries.answer import answer

__all__ = ["answer"]
