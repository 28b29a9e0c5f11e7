"""Instruction traces to cycles, by core."""
