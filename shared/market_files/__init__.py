"""What the files of other programs look like: encodings, header signatures, spellings of markets."""
