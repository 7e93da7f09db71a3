"""The demo: the whole loop in half a minute, judged by the tenant's own facts."""
