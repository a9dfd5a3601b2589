"""What the layers above report, for those who watch."""
