"""The report of a study: tables and figures from its ledger and artifacts, without training.

``build`` collects everything; ``verdict``, ``search_part``, ``final_part`` and ``provenance`` each make one
part of the content as a list of ``blocks``, which ``page`` writes as Markdown and as HTML. ``curves``,
``settings_figures`` and ``roc`` draw; ``style`` holds what all figures share.
"""
