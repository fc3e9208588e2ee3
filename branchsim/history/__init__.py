"""History: what happened on each branch, as records and tables."""
