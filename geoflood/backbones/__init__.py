"""From images to descriptors."""
