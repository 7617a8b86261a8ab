"""A slow reference of the engine: plain loops over Python floats, written from the contract pages alone."""
