"""Run folders that no run has written, and how all readers of runs handle them."""
