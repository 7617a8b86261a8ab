"""Research lines: their rows, the recording of backtests as trials, and their answers."""
