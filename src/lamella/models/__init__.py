"""Models: Sequential, MLP and SoftmaxClassifier, and the function that loads them.

Read sequential first, then classifiers, which configures it, and loading.
"""
