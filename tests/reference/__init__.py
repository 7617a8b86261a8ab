"""An independent, slow and plain program of engine version 2, written from the contract alone."""
