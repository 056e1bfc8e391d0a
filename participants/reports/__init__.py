"""Figures of periods: deltas that writers add, folded into sums of days; a figure is what is folded and what is not yet."""
