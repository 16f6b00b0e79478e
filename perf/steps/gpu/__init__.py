"""The contestants on a GPU."""
