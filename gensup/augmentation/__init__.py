"""What is done to batches while a network learns. Drawing is apart from applying: a draw can be seen and repeated.

A draw is made from the size of a batch and a NumPy generator alone. It is applied to NumPy arrays and torch tensors
alike, and says what becomes of the targets: rows (batch, classes) of shares whose sum is 1.
"""
