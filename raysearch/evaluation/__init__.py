"""How like real data made data are: files of both in, figures beside their floors out, one file for each kind."""
