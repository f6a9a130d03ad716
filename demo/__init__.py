"""Parts that fedledger starts and stops itself, so that a consortium runs on one machine with nothing set up."""
