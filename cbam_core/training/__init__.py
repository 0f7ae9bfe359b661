"""How is a network trained? Recipes, batched transforms, and the training loop."""
