"""The machine that a trial runs on: what it is, what else it does, and what it leaves a process."""
