"""The tasks of the `restore_reel` DAG that run on the worker: opening, recording, asking people, closing."""
