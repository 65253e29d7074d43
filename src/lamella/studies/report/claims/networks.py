"""Claims 76 to 80: softmax and networks, losses, width and depth."""

from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.learning import Studies
from lamella.studies.report.claims.measures import (
    CLEARLY,
    EARLY_ACCURACY,
    FALL,
    GAP,
    TEST,
    TRAIN,
    TRAIN_LOSS,
    VALIDATION,
)

WIDTHS = ["[64, 10]", "[128, 25]", "[256, 30]", "[512, 64]", "[1024, 128]"]
SHALLOWER = ["[100]", "[100, 70]", "[100, 70, 50]"]
DEEPEST = "[100, 70, 50, 30]"


def softmax_vs_mlp(study: Studies) -> Claim:
    arms = study("softmax-vs-mlp")
    return Claim(
        76,
        "Softmax classifier and network",
        "A network is clearly faster and more accurate than a softmax classifier, which still "
        "exceeds 80%.",
        [
            Part(
                "The network is clearly more accurate.",
                "A test accuracy more than one point higher.",
                [arms.more(TEST, "MLP", than="softmax", by=CLEARLY)],
            ),
            Part(
                "The network is faster.",
                "A higher mean validation accuracy over the first epochs.",
                [arms.more(EARLY_ACCURACY, "MLP", than="softmax")],
            ),
            Part(
                "The softmax classifier exceeds 80%.",
                "A mean test accuracy above 80%.",
                [arms.above(TEST, "softmax", 0.80)],
            ),
        ],
        ["softmax-vs-mlp"],
        ["inputs", "adam"],
    )


def losses(study: Studies) -> Claim:
    parts = []
    for name, model in (("softmax-loss", "softmax"), ("mlp-loss", "network")):
        arms = study(name)
        parts += [
            Part(
                f"Cross-entropy is faster ({model}).",
                "A higher mean validation accuracy over the first epochs.",
                [arms.more(EARLY_ACCURACY, "cross-entropy", than="L2")],
            ),
            Part(
                f"Cross-entropy is smoother ({model}).",
                "Validation accuracy decreases less between epochs.",
                [arms.less(FALL, "cross-entropy", than="L2")],
            ),
            Part(
                f"Cross-entropy is more accurate ({model}).",
                "A higher test accuracy.",
                [arms.more(TEST, "cross-entropy", than="L2")],
            ),
        ]
    return Claim(
        77,
        "Cross-entropy and L2 loss",
        "Cross-entropy is faster, smoother and more accurate than the L2 loss on both classifiers.",
        parts,
        ["softmax-loss", "mlp-loss"],
        ["shown", "scales"],
    )


def width(study: Studies) -> Claim:
    arms = study("width")
    return Claim(
        78,
        "Width",
        "Wider networks test better, up to [1024, 128], which exceeds 98%.",
        [
            Part(
                "Each wider network tests better.",
                "A higher test accuracy than the next narrower network.",
                arms.rising(TEST, WIDTHS),
            ),
            Part(
                "[1024, 128] exceeds 98%.",
                "A mean test accuracy above 98%.",
                [arms.above(TEST, "[1024, 128]", 0.98)],
            ),
        ],
        ["width"],
        ["weights", "seeds"],
    )


def over_fitting(study: Studies) -> Claim:
    arms = study("over-fitting")
    parts = []
    for largest in ("[10240, 512]", "[5096, 128]"):
        parts += [
            Part(
                f"{largest} is less stable than [2048, 256].",
                "Validation accuracy decreases more between epochs.",
                [arms.more(FALL, largest, than="[2048, 256]")],
            ),
            Part(
                f"{largest} tests worse than [2048, 256].",
                "A lower test accuracy.",
                [arms.less(TEST, largest, than="[2048, 256]")],
            ),
            Part(
                f"{largest} over-fits more than [2048, 256].",
                "A wider gap between training and test accuracy, with a training accuracy at most "
                "0.1 points lower.",
                [
                    arms.more(GAP, largest, than="[2048, 256]"),
                    arms.more(TRAIN, largest, than="[2048, 256]", by=-0.001),
                ],
            ),
        ]
    return Claim(
        79,
        "Over-fitting by width",
        "The widest network is less stable and tests worse than [2048, 256]. The report explains "
        "this by over-fitting: capacity has an upper bound.",
        parts,
        ["over-fitting"],
        ["weights", "seeds", "validation"],
    )


def depth(study: Studies) -> Claim:
    arms = study("depth")
    return Claim(
        80,
        "Depth",
        "The deepest network has a higher loss and lower accuracy. The report explains this by "
        "vanishing gradients.",
        [
            Part(
                "The deepest network ends with a higher loss.",
                "A higher final loss on the training images than every shallower network.",
                [arms.more(TRAIN_LOSS, DEEPEST, than=other) for other in SHALLOWER],
            ),
            Part(
                "The deepest network has a lower validation accuracy.",
                "A lower validation accuracy after the last epoch than every shallower network.",
                [arms.less(VALIDATION, DEEPEST, than=other) for other in SHALLOWER],
            ),
            Part(
                "The deepest network has a lower test accuracy.",
                "A lower test accuracy than every shallower network.",
                [arms.less(TEST, DEEPEST, than=other) for other in SHALLOWER],
            ),
            Part(
                "Its gradient vanishes in the first layers.",
                "The network then cannot fit its training images: a training accuracy more than "
                "one point below that of [100].",
                [arms.less(TRAIN, DEEPEST, than="[100]", by=CLEARLY)],
            ),
        ],
        ["depth"],
        ["relu", "weights"],
    )
