"""Speed and memory, proved side by side with other engines: `make bench`."""
