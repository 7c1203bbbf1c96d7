"""The digit API: the PyTorch digit model behind HTTP, for any service that runs containers."""
