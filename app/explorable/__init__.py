"""One file that holds a run's small models and decodes with them in any browser, offline."""
