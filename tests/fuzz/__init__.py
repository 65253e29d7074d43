"""Files as strangers send them: damaged, cut, spliced, or made to do harm.

    python -m tests.fuzz --files 100000 --seed 0

Each file must give a lamella error or a right result, within a bound of time and memory, and
without writing files, starting programs or running code of its own.
"""
