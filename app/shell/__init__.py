"""What every page stands on: access, the server's background, links, theme, words."""
