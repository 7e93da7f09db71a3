"""Diagnosis: rules, judgement, remedies, reports."""
