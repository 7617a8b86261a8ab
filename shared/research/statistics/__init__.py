"""Statistics of many trials: how much of a result is luck."""
