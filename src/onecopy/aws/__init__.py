"""AWS: its clients and prices, the functions on Lambda, and their deployment."""
