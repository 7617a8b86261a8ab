"""Paper accounts: which day they decide on, and how a decision or a ledger differs from a later one."""
