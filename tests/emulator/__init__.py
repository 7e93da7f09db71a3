"""The tests of the embedded tenant and of the functions host."""
