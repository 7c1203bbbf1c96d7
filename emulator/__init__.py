"""Local Azure: an emulator that the unmodified Azure SDKs talk to over HTTPS."""
