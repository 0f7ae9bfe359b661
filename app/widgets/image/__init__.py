"""Choosing an image: from samples, test set, uploads, camera or folder; for every page that shows one."""
