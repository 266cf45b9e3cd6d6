"""From a suite's text to an ordered plan: load, expand, draw up, arrange. No torch, and no model is loaded."""
