"""Published runs to a site: an index, a report a run, trends over runs, and a feed."""
