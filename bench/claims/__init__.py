"""Claims of the literature on rectifiers, tested: a file per topic, a short function per claim."""
