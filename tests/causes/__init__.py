"""Each cause is produced by a real target or by Entra's side, and recognised by the product as it runs."""
