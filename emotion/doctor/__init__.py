"""The checks of `emotion doctor`."""
