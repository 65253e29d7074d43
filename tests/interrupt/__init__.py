"""Kill trainings and studies with SIGKILL, resume them, and compare the results."""
