"""A run: the schedule of its parts, its samples, and the rows that are derived from them."""
