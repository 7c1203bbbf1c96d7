"""One Azure service a room: each reads top to bottom like its REST reference."""
