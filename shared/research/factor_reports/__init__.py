"""Factor reports: what the values of a number say about the returns that follow."""
