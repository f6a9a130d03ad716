"""What a participant does privately: training on its own data. The only home of floats and of torch."""
