"""What every page uses: access, the server's background, links, theme, words."""
