"""Walk-forward: choose the parameters on the days before, trade them on the days after, window by window."""
