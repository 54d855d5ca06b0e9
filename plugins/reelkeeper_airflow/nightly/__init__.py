"""Working the queue by night."""
