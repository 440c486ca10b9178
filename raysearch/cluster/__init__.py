"""Everything that imports Ray, and the processes it starts."""
