"""Space files: YAML read into frozen, checked domains. Knows neither Ray nor Optuna nor torch."""
