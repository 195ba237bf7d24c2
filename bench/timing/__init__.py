"""A run's schedule, and what its samples say: intervals, the parts of a cost, the cost model."""
