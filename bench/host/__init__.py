"""The machine that measures, and what a person at it sees."""
