"""The tests of the product and of its emulator."""
