"""One module a source; each turns news into signals."""
