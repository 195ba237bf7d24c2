"""Published runs to a site: an index, a report per run, trends over runs, and a feed."""
