"""The regression gate: what became slower or less exact, compared so that noise cannot say it."""
