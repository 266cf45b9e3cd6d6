"""The process that measures. torch and transformers live here and nowhere else."""
