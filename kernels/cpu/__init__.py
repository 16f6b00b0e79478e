"""CPU kernels, one file a family; each is loaded when the first op that needs it runs."""
