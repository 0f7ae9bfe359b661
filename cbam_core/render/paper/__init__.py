"""Figures for print: vector graphics by matplotlib, in millimetres and points, with their captions apart."""
