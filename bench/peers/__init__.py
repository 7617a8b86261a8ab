"""Other engines over the same arrays; each module is a program that prints one line of JSON."""
