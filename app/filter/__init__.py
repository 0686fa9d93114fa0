"""The Filter page."""
