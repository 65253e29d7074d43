"""Kills trainings and studies with SIGKILL, goes on with them, and compares the ends."""
