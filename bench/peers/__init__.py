"""Other engines on the same arrays, each a program of its own that prints one line of JSON."""
