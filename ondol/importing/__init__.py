"""Convert files of other programs into the load format, without network."""
