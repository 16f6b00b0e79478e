"""What a GPU needs from its host: memory, streams, launches of kernels, CUDA graphs. The kernels are elsewhere."""
