"""What of a party's models stays at home, from round to round."""
