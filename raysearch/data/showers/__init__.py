"""Files of showers: their layout, check and reader, what networks see of them, and the maker of real input."""
