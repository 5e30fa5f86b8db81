"""Deploying to AWS, and the other ways to run the service."""
