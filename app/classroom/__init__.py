"""The classroom: a presenter leads, seats follow, bet, ask and look around."""
