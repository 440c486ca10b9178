"""From a space file to a running study, without Ray: checks, folder, orders, and the steps to its end."""
