"""Answers the open questions about the real clouds, on real accounts or on the fakes."""
