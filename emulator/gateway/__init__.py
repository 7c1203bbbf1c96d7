"""The scoring gateway: who gets a request, may they, and moving the bytes."""
