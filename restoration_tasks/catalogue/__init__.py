"""SQLAlchemy models and queries: reels, digital objects, plans, the lock."""
