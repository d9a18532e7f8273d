"""What must not happen, whatever the program meets: an order, a leak, text that is obeyed."""
