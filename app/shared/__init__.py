"""What two features use."""
