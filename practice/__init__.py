"""What makes a page a lesson: exercises, widgets, figures, prices, measuring, progress."""
