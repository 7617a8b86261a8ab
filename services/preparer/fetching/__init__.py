"""Connectors: fetch a market from the exchange's open API, OpenDART and KIS into a directory of market files."""
