"""The charts of the page: a module with `ORDER` and `figures(evidence)` each."""
