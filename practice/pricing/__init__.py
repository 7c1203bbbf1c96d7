"""What the services cost, and which one to choose."""
