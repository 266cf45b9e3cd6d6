"""How tokens are chosen, and what is known of it afterwards."""
