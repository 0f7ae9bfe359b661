"""How does a trained network come about? Recipes, batched transforms, and the loop."""
