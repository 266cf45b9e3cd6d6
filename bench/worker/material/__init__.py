"""What a model is fed with: media and text in the making, and their way through the model's own Processor."""
