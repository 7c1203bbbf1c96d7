"""How a deployment's code really runs on this machine."""
