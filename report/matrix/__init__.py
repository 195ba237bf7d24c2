"""The first screen: sentences, the matrix of costs, and what lies behind each of its cells."""
