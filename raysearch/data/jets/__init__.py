"""Files of jets: their layout, check and reader, what networks see of them, and the maker of new ones."""
