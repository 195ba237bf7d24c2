"""A site of published runs: an index, a report per run, trends over runs, and a feed."""
