"""A fleet of machines: the same run on each host of a Dask cluster, brought home."""
