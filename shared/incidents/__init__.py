"""The incident row, its states, the journal, the lease."""
