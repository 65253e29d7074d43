"""Archive: studies in one small file, without step losses, confidences and models.

It is a tar of the following files, compressed by xz with a SHA-256 check (``tar xf`` unpacks it):

    archive.json     studies, runs and all that runs share; see below
    curves.npy       uint16: the curves of all runs (`StepSummary`), as bfloat16, in order
    labels-<i>.npy   class of each sample of test set i; one that no run gave where none was right
    order-<i>.npy    uint32: the samples, those with the fewest mistakes first
    classes-<i>.npy  of each run on test set i, in order, of each sample in that order: the
                     predicted class minus the label (modulo 2^8), or for "raw" runs the class

    archive.json
        format    "lamella-archive-1"
        studies   the ``study.json`` of each study's folder: definition, and keys of its runs;
                  in "parts" those of the folders ``tuning`` and ``crossed`` within it, and in
                  "reads" the text of ``reads.jsonl``
        configs   distinct configurations of runs, without seeds
        logs      distinct environments of runs, without hosts and dates
        runs      by key, each once although several studies may have it: status, reason,
                  steps_per_epoch, epochs and scores as in ``run.json``; indices of config and log;
                  seed, seconds, jitter, per_epoch, digests; points (numbers in its curve);
                  test_set (index or null), raw, and correct (whether it knows its right answers)

Equal studies give equal bytes.
"""
