"""Sweeps: one strategy with parameters, run at many points; pure functions, without clock, network or database."""
