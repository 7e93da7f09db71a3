"""Policy, plan, and the one use case that acts: reconcile."""
