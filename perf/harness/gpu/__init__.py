"""The sides on a GPU, their clock, and what a GPU can do at most."""
