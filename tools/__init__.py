"""Other harnesses beside this one, and tables for its documents."""
