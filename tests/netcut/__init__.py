"""What becomes of a switch, its calls and the journal when the network to the service is cut without a word."""
