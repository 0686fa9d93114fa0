"""The Learn page: a guided path of short steps, each a bet before its answer."""
