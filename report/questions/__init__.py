"""The questions that people ask: a module with `ORDER` and a `QUESTION` each."""
