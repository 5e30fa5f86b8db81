"""AWS: how it is called, what it charges, our functions on Lambda, and how they are deployed."""
