"""The harness: what is measured, how, and what is kept. The parent process imports no framework."""
