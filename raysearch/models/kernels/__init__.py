"""Kernels in C++, compiled where and when they are first wanted."""
