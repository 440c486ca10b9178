"""How the workers of a run come to one model: a worker's side and a centre's, on flat vectors."""
