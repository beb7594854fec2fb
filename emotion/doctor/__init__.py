"""What `emotion doctor` checks."""
