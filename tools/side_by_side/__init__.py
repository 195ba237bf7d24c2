"""Other harnesses that time the same cases in the same process."""
