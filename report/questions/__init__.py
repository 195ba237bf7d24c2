"""The questions that people ask: a module with `ORDER` and `answer(evidence)` per question."""
