"""Times: visits and pairs that measure them, intervals, the parts of a cost, the cost model."""
