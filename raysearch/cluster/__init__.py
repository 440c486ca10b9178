"""Everything that imports Ray, and only this; ``local_executor`` beside it runs the same runs in this process."""
