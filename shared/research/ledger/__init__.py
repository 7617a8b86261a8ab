"""The ledger: which trials a research line has, and what their number makes of its best one."""
