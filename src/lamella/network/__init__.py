"""A network of layers in a row: computation, training steps, replay, model files.

Read network first (build, forward, backward), then trainable (compile and step), batches and
prepare (data), model_file (saving), and last replay, which only saves time.
"""
