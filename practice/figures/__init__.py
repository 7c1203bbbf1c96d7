"""The lessons' figures, each described for those who cannot see it."""
