"""Carrying out a plan: trials go to an executor as requests, its events become records. Workers are started, never imported."""
