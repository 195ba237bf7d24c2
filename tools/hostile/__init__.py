"""Run folders that no run has written, and what every reader of them does."""
