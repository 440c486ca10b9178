"""How like real data made data are: files in, figures beside their floors out, one module for each kind."""
