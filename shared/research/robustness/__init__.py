"""Robustness of one backtest: what its figures become when something is changed that should not matter."""
