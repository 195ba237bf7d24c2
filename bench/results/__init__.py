"""Everything that a file of a run means: rows, metrics, the store and the export."""
