"""One run: loop, step, checkpoint, early stop, guard, final evaluation. One worker is a group of size one."""
