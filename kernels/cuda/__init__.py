"""CUDA kernels, one file a family, with the names of ``kernels/cpu``. They run on a GPU, or emulated on the CPU."""
