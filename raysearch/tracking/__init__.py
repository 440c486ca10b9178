"""Ledger -> MLflow. Decides nothing, is never waited for."""
