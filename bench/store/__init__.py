"""Records on disk: run directories, one line a trial, and the choice of which records count."""
