"""Files of hits of several particles in any calorimeter: layout, check and reader; the maker of new ones."""
