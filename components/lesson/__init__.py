"""The lesson: six steps, each a prediction first and then a figure on real tensors."""
