"""One thin script a page: it lays out components and services, and computes nothing itself."""
