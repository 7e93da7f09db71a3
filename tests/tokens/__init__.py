"""The inventory of credentials and bindings by hand, against an embedded tenant over HTTP."""
